//! Runs code inside: what it may do, its commands as part of the unit under way, and its end.

use crate::acl::{Context, Denied};
use crate::command::{Args, CommandError, CommandId, Flags, Origin, Outcome, ScriptRun};
use crate::replication::Level;
use crate::resp::{self, Reply};
use crate::script::{Host, Kind, Propagation, Run, Running, ScriptFlags, Tick};
use crate::session::Token;
use crate::time::Now;

use super::Engine;
use super::busy::Patience;
use super::gate::{self, Conditions};

/// What the code may do, as found when it begins.
#[derive(Clone, Copy, Debug)]
struct Rules {
    reads_only: bool,
    /// Memory was above its limit, and the code has not said that it does not mind.
    is_short_of_memory: bool,
}

impl Engine {
    /// Runs what a handler has prepared, as (a part of) one unit, and answers what comes of it.
    pub(super) fn run_script(
        &mut self,
        now: Now,
        token: Token,
        origin: Origin,
        run: ScriptRun,
        args: &Args<'_>,
        reply: &mut Reply,
    ) {
        if !self.sessions.monitors.is_empty()
            && let Some(id) = self.table.find(args.at(0))
        {
            self.show_monitors(now, token, id, args, reply);
        }
        let rules = match self.rules(&run, origin) {
            Ok(rules) => rules,
            Err(error) => return self.fail(reply, &error.0),
        };
        let interpreter = match run.kind {
            Kind::Script => self.scripts.eval.take(),
            Kind::Function => self.scripts.functions.take(),
        };
        let Some(mut interpreter) = interpreter else { return };
        let session = &self.sessions[token];
        let kept = (session.db, session.last_command, session.commands);
        self.scripts.running = Some(running(&run, now, origin));
        let lent = Run {
            function: run.function,
            name: &run.name,
            words: args.words,
            first: 3,
            keys: run.keys,
            is_script: run.kind == Kind::Script,
        };
        let patience = Patience::new(self.clock_read_ns);
        let propagation = Propagation::ALL;
        let mut inside = Inside { engine: self, now, client: token, origin, args: *args, rules, patience, propagation };
        interpreter.run(&mut inside, lent, reply);
        match run.kind {
            Kind::Script => self.scripts.eval = Some(interpreter),
            Kind::Function => self.scripts.functions = Some(interpreter),
        }
        if let Some(session) = self.sessions.get_mut(token) {
            (session.db, session.last_command, session.commands) = kept;
        }
        self.end_script(now, token, origin);
    }

    fn end_script(&mut self, now: Now, token: Token, origin: Origin) {
        let was_busy = self.is_busy();
        self.scripts.running = None;
        // Others may have had their turns meanwhile.
        self.caller = Some(token);
        if was_busy {
            self.refresh_conditions(now);
        }
        let Some(session) = self.sessions.get_mut(token) else { return };
        let is_alone = session.transaction.is_none();
        if let Some(tracking) = session.tracking.as_deref_mut() {
            tracking.caching &= !is_alone;
        }
        if is_alone && origin == Origin::Client {
            self.close_unit(now);
        }
    }

    /// What the code may do; the error is why it may not even begin.
    fn rules(&self, run: &ScriptRun, origin: Origin) -> Result<Rules, CommandError> {
        let obeys = origin == Origin::Master;
        let is_over = !obeys && self.conditions.maxmemory_set() && self.is_over_maxmemory();
        let Some(flags) = run.flags else {
            if !obeys && self.conditions.has(Conditions::STALE) {
                return Err(gate::MASTER_DOWN);
            }
            return Ok(Rules { reads_only: run.reads_only, is_short_of_memory: is_over });
        };
        if !obeys {
            self.check_flags(flags, run.reads_only, is_over)?;
        }
        Ok(Rules {
            reads_only: run.reads_only || flags.has(ScriptFlags::NO_WRITES),
            is_short_of_memory: is_over && !flags.has(ScriptFlags::ALLOW_OOM),
        })
    }

    fn check_flags(&self, flags: ScriptFlags, reads_only: bool, is_over: bool) -> Result<(), CommandError> {
        let refuse = |text| Err(CommandError::fixed(text));
        if self.conditions.has(Conditions::STALE) && !flags.has(ScriptFlags::ALLOW_STALE) {
            return refuse(
                "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag \
                 is not set on the script.",
            );
        }
        if !flags.has(ScriptFlags::NO_WRITES) {
            if self.conditions.has(Conditions::READ_ONLY) {
                return refuse("READONLY Can not run script with write flag on readonly replica");
            }
            if self.conditions.has(Conditions::DISK_ERROR) {
                return refuse(
                    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
                     Writable scripts are blocked. Use 'no-writes' flag for read only scripts.",
                );
            }
            if reads_only {
                return refuse("ERR Can not execute a script with write flag using *_ro command.");
            }
            if self.conditions.has(Conditions::FEW_REPLICAS) {
                return Err(gate::FEW_REPLICAS);
            }
        }
        if is_over && !flags.has(ScriptFlags::ALLOW_OOM.with(ScriptFlags::NO_WRITES)) {
            return refuse(
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
            );
        }
        Ok(())
    }
}

fn running(run: &ScriptRun, now: Now, origin: Origin) -> Running {
    Running {
        kind: run.kind,
        name: run.name.clone(),
        began: now,
        is_busy: false,
        is_killed: false,
        has_written: false,
        is_from_master: origin == Origin::Master,
        request: Vec::new(),
        duration_ms: 0,
    }
}

/// One run of code inside: the engine as it sees it.
struct Inside<'e> {
    engine: &'e mut Engine,
    now: Now,
    client: Token,
    origin: Origin,
    /// The request that runs it.
    args: Args<'e>,
    rules: Rules,
    patience: Patience,
    propagation: Propagation,
}

impl Inside<'_> {
    fn resolve(&self, args: resp::Args<'_>) -> Option<CommandId> {
        let second = (args.len() > 1).then(|| args.at(1));
        let id = self.engine.table.resolve(args.at(0), second)?;
        // A container whose subcommand is unknown.
        let is_known = !self.engine.table.entry(id).is_container() || args.len() < 2;
        is_known.then_some(id)
    }

    /// Whether code may call this at all; the error's code follows a `-`.
    fn admit(&self, id: CommandId, words: usize) -> Result<(), String> {
        let entry = self.engine.table.entry(id);
        let conditions = self.engine.conditions;
        if entry.is_container() || !entry.command.accepts(words) {
            return Err("Wrong number of args calling Redis command from script".to_owned());
        }
        if entry.has(Flags::NOSCRIPT) && !self.engine.server.scripts_may_all {
            return Err("This Redis command is not allowed from script".to_owned());
        }
        if conditions.has(Conditions::STALE) && !entry.has(Flags::STALE) {
            return Err("Can not execute the command on a stale replica".to_owned());
        }
        Ok(())
    }

    /// As `rights`; a refusal is noted.
    fn check_rights(&mut self, id: CommandId, args: &Args<'_>) -> Result<(), String> {
        let Err(denied) = self.rights(id, args) else { return Ok(()) };
        self.engine.note_denial(self.now, self.client, Context::Script, id, args, denied);
        Err(denied.refusal_inside().to_owned())
    }

    /// Whether the code may write now, if this writes.
    fn check_writer(&self, id: CommandId) -> Result<(), String> {
        let entry = self.engine.table.entry(id);
        if self.rules.reads_only && entry.has(Flags::WRITE | Flags::MAY_REPLICATE) {
            return Err("Write commands are not allowed from read-only scripts.".to_owned());
        }
        if self.origin == Origin::Master || self.has_written() {
            // What has begun to write is not stopped half-way.
            return Ok(());
        }
        if entry.has(Flags::WRITE) {
            gate::check_writer(self.engine.conditions).map_err(|error| format!("-{}", error.0))?;
        }
        if self.rules.is_short_of_memory && entry.has(Flags::DENYOOM) {
            return Err(format!("-{}", gate::OUT_OF_MEMORY.0));
        }
        Ok(())
    }

    /// Code does what the user may do who runs it.
    fn rights(&self, id: CommandId, args: &Args<'_>) -> Result<(), Denied> {
        if self.origin == Origin::Master { Ok(()) } else { self.engine.still_permits(self.client, id, args) }
    }

    fn has_written(&self) -> bool {
        self.engine.scripts.running.as_ref().is_some_and(|running| running.has_written)
    }

    fn refuse(&mut self, id: Option<CommandId>, error: String) -> Result<(), String> {
        let line = error.strip_prefix('-').map_or_else(|| format!("ERR {error}"), str::to_owned);
        self.engine.metrics.errors.count(&line);
        self.engine.account_refusal(id);
        Err(error)
    }
}

impl Host for Inside<'_> {
    fn call(&mut self, words: resp::Args<'_>, reply: &mut Reply) -> Result<(), String> {
        let Some(id) = self.resolve(words) else {
            return self.refuse(None, "Unknown Redis command called from script".to_owned());
        };
        let args = Args::new(words, self.engine.keyspace.hasher());
        let admitted = self.admit(id, words.len()).and_then(|()| self.check_rights(id, &args));
        if let Err(error) = admitted.and_then(|()| self.check_writer(id)) {
            return self.refuse(Some(id), error);
        }
        let engine = &mut *self.engine;
        if engine.table.entry(id).has(Flags::WRITE)
            && let Some(running) = &mut engine.scripts.running
        {
            running.has_written = true;
        }
        engine.read_clock();
        let begun = engine.begin_request(reply);
        let is_recording = engine.effects.is_recording;
        engine.effects.is_recording &= self.propagation.to_replicas;
        let outcome = engine.call(self.now, self.client, self.origin, id, &args, reply);
        engine.effects.is_recording = is_recording;
        match outcome {
            Outcome::Swapped => engine.waiting.touch_all(),
            Outcome::Sleep(duration) => (engine.hooks.sleep)(duration, &engine.actions),
            // What else a handler wishes is not for code inside.
            _ => {}
        }
        if engine.sessions[self.client].tracking.is_some() && engine.table.entry(id).has(Flags::READONLY) {
            engine.remember_declared(self.client, &self.args);
        }
        engine.account(self.now, self.client, id, &args, begun, reply);
        Ok(())
    }

    fn may_call(&mut self, args: resp::Args<'_>) -> Option<bool> {
        let id = self.resolve(args)?;
        let args = Args::new(args, self.engine.keyspace.hasher());
        Some(self.rights(id, &args).is_ok())
    }

    fn log(&mut self, level: u8, line: &[u8]) {
        let level = match level {
            0 => Level::Debug,
            1 => Level::Verbose,
            2 => Level::Notice,
            _ => Level::Warning,
        };
        self.engine.log(level, String::from_utf8_lossy(line));
    }

    fn set_propagation(&mut self, propagation: Propagation) {
        self.propagation = propagation;
    }

    fn note_error(&mut self, line: &str, is_counted: bool) {
        let errors = &mut self.engine.metrics.errors;
        if is_counted { errors.note_counted() } else { errors.count(line) }
    }

    fn tick(&mut self) -> Tick {
        self.engine.tick_inside(&mut self.patience, &self.args)
    }
}
