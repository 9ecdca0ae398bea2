//! Where a command's keys stand, and what it does to them (Redis document "Key specifications").

use crate::acl::Rights;

/// Where the first key is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this word.
    At(usize),
    /// After this keyword, searched from word `from` (negative: from the end, backwards).
    After { keyword: &'static str, from: i32 },
    /// The positions cannot be said in general.
    Unknown,
}

/// Which words from there on are keys.
#[derive(Clone, Copy, Debug)]
pub enum Find {
    /// Up to `last` (relative to the first; negative: from the end of the request), each `step`-th; if `limit` is
    /// above 1, only the first 1/`limit` of the remaining words.
    Range {
        last: i32,
        step: usize,
        limit: usize,
    },
    /// Word `count_at` (relative) holds how many, the first stands at `first` (relative).
    Count {
        count_at: usize,
        first: usize,
        step: usize,
    },
    Unknown,
    /// By looking at the whole request.
    Told(fn(&[&[u8]]) -> Option<usize>),
}

/// What the command does with the key and with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAccess {
    ReadOnly,
    ReadWrite,
    Overwrite,
    Remove,
    /// The word is no key, but is hashed to a slot like one.
    None,
}

impl KeyAccess {
    fn name(self) -> Option<&'static str> {
        match self {
            KeyAccess::ReadOnly => Some("RO"),
            KeyAccess::ReadWrite => Some("RW"),
            KeyAccess::Overwrite => Some("OW"),
            KeyAccess::Remove => Some("RM"),
            KeyAccess::None => None,
        }
    }
}

/// One group of keys.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    pub begin: Begin,
    pub find: Find,
    pub access: KeyAccess,
    /// Further flags in Redis's order: access, update, insert, delete, not_key, incomplete, variable_flags.
    pub notes: &'static [&'static str],
    /// What the request's keywords change in that.
    pub varies: Option<Variation>,
}

/// How the words of a request decide what is done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variation {
    /// The old value is read only if this keyword is there; without it, it is only overwritten.
    ReadsWith(&'static str),
    /// The value is changed only if one of these keywords is there; without them, it is only read.
    WritesWith(&'static [&'static str]),
}

impl KeySpec {
    const fn begin(begin: Begin) -> KeySpec {
        let find = Find::Range { last: 0, step: 1, limit: 0 };
        KeySpec { begin, find, access: KeyAccess::ReadOnly, notes: &[], varies: None }
    }

    /// One key, at word `index`.
    pub const fn at(index: usize) -> KeySpec {
        KeySpec::begin(Begin::At(index))
    }

    /// Keys from word `first`; `last` counts from there or, if negative, from the end.
    pub const fn range(first: usize, last: i32, step: usize) -> KeySpec {
        let mut spec = KeySpec::begin(Begin::At(first));
        spec.find = Find::Range { last, step, limit: 0 };
        spec
    }

    /// Word `index` says how many keys follow it.
    pub const fn count_at(index: usize) -> KeySpec {
        let mut spec = KeySpec::begin(Begin::At(index));
        spec.find = Find::Count { count_at: 0, first: 1, step: 1 };
        spec
    }

    /// Each `step`-th word is a key, from the first on.
    pub const fn step(mut self, step: usize) -> KeySpec {
        self.find = match self.find {
            Find::Range { last, limit, .. } => Find::Range { last, step, limit },
            Find::Count { count_at, first, .. } => Find::Count { count_at, first, step },
            other => other,
        };
        self
    }

    /// One key after a keyword.
    pub const fn after(keyword: &'static str, from: i32) -> KeySpec {
        KeySpec::begin(Begin::After { keyword, from })
    }

    /// More keys behind it, up to `last`, which counts from it or, if negative, from the end.
    pub const fn up_to(mut self, last: i32) -> KeySpec {
        if let Find::Range { step, limit, .. } = self.find {
            self.find = Find::Range { last, step, limit };
        }
        self
    }

    /// Keys whose names no word of the request is.
    pub const fn unknown() -> KeySpec {
        let mut spec = KeySpec::begin(Begin::Unknown);
        spec.find = Find::Unknown;
        spec
    }

    /// At most one key, where only the command itself can tell; to others that is unknown.
    pub const fn found(find: fn(&[&[u8]]) -> Option<usize>) -> KeySpec {
        let mut spec = KeySpec::begin(Begin::Unknown);
        spec.find = Find::Told(find);
        spec
    }

    pub const fn limit(mut self, limit: usize) -> KeySpec {
        if let Find::Range { last, step, .. } = self.find {
            self.find = Find::Range { last, step, limit };
        }
        self
    }

    pub const fn read_only(mut self, notes: &'static [&'static str]) -> KeySpec {
        self.access = KeyAccess::ReadOnly;
        self.notes = notes;
        self
    }

    pub const fn read_write(mut self, notes: &'static [&'static str]) -> KeySpec {
        self.access = KeyAccess::ReadWrite;
        self.notes = notes;
        self
    }

    pub const fn overwrite(mut self, notes: &'static [&'static str]) -> KeySpec {
        self.access = KeyAccess::Overwrite;
        self.notes = notes;
        self
    }

    pub const fn not_keys(mut self) -> KeySpec {
        self.access = KeyAccess::None;
        self.notes = &["not_key"];
        self
    }

    pub const fn reading_only_with(mut self, keyword: &'static str) -> KeySpec {
        self.varies = Some(Variation::ReadsWith(keyword));
        self
    }

    pub const fn writing_only_with(mut self, keywords: &'static [&'static str]) -> KeySpec {
        self.varies = Some(Variation::WritesWith(keywords));
        self
    }

    pub const fn remove(mut self, notes: &'static [&'static str]) -> KeySpec {
        self.access = KeyAccess::Remove;
        self.notes = notes;
        self
    }

    /// What a request does to its keys, as far as rights depend on it.
    pub fn rights_in<'w>(&self, words: impl Iterator<Item = &'w [u8]> + Clone) -> Rights {
        self.flags_among(words).fold(Rights::NONE, |rights, flag| match flag {
            "access" => rights | Rights::READ,
            "insert" | "update" | "delete" => rights | Rights::WRITE,
            _ => rights,
        })
    }

    /// The one word that is the key, if that can be said without the request.
    pub fn fixed_position(&self) -> Option<usize> {
        match (self.begin, self.find) {
            (Begin::At(index), Find::Range { last: 0, .. }) => Some(index),
            _ => None,
        }
    }

    /// Whether the words are keys of the keyspace.
    pub fn names_keys(&self) -> bool {
        self.access != KeyAccess::None
    }

    /// Flags as COMMAND INFO shows them.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        self.access.name().into_iter().chain(self.notes.iter().copied())
    }

    /// Flags as they are for this request.
    pub fn flags_in(&self, args: &[&[u8]]) -> impl Iterator<Item = &'static str> {
        self.flags_among(args.iter().copied())
    }

    /// Keywords stand behind the key, or behind key and value.
    fn flags_among<'w, W>(&self, words: W) -> impl Iterator<Item = &'static str> + use<'w, W>
    where
        W: Iterator<Item = &'w [u8]> + Clone,
    {
        let has = |keyword: &str, from| {
            words.clone().skip(from).any(|word: &[u8]| word.eq_ignore_ascii_case(keyword.as_bytes()))
        };
        let (access, dropped): (KeyAccess, &[&str]) = match self.varies {
            Some(Variation::ReadsWith(keyword)) if !has(keyword, 3) => {
                (KeyAccess::Overwrite, &["variable_flags", "access"])
            }
            Some(Variation::WritesWith(keywords)) if !keywords.iter().any(|keyword| has(keyword, 2)) => {
                (KeyAccess::ReadOnly, &["variable_flags", "update"])
            }
            Some(_) => (self.access, &["variable_flags"]),
            None => (self.access, &[]),
        };
        access.name().into_iter().chain(self.notes.iter().copied().filter(|note| !dropped.contains(note)))
    }

    /// The words of a request that this spec names, none where its keyword is missing; `None` if the request is
    /// malformed for it.
    pub fn positions(&self, args: &[&[u8]]) -> Option<Vec<usize>> {
        let first = match self.begin {
            Begin::At(index) => index,
            Begin::After { keyword, from } => match keyword_position(args, keyword, from) {
                Some(position) => position + 1,
                None => return Some(Vec::new()),
            },
            Begin::Unknown => 0,
        };
        match self.find {
            Find::Range { last, step, limit } => range_positions(args.len(), first, last, step, limit),
            Find::Count { count_at, first: offset, step } => {
                let count = crate::resp::parse_i64(args.get(first + count_at)?).filter(|&count| count >= 0)?;
                let start = first + offset;
                let last = start.checked_add((count as usize).checked_sub(1)?.checked_mul(step)?)?;
                (last < args.len()).then(|| (start..=last).step_by(step).collect())
            }
            Find::Unknown => Some(Vec::new()),
            Find::Told(find) => Some(find(args).into_iter().collect()),
        }
    }
}

fn keyword_position(args: &[&[u8]], keyword: &str, from: i32) -> Option<usize> {
    let is_keyword = |index: &usize| args[*index].eq_ignore_ascii_case(keyword.as_bytes());
    if from >= 0 {
        (from as usize..args.len()).find(is_keyword)
    } else {
        let start = args.len().checked_sub(from.unsigned_abs() as usize)?;
        (1..=start).rev().find(is_keyword)
    }
}

fn range_positions(argc: usize, first: usize, last: i32, step: usize, limit: usize) -> Option<Vec<usize>> {
    let last = if last >= 0 {
        first + last as usize
    } else if limit <= 1 {
        argc.checked_sub(last.unsigned_abs() as usize)?
    } else {
        first + (argc.checked_sub(first)? / limit).checked_sub(1)?
    };
    (first <= last && last < argc).then(|| (first..=last).step_by(step).collect())
}
