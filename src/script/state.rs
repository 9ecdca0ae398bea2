//! What belongs to one Lua state as a whole: its memory and its bound, who is called back, the buffers that outlive
//! what Lua's errors jump over, and the hook that lets time pass and ends what was killed.

use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::ffi::{c_int, c_void};
use std::ops::Deref;
use std::ptr::{self, NonNull};

use mlua::ffi;

use super::arguments::Request;
use super::cjson;
use super::random::Random;
use super::register::Registration;
use super::stack::{Answer, Failed, Raised, Stack};
use super::{Host, Tick};
use crate::resp::Reply;

/// So many steps of the interpreter are taken between two ticks, or so much is allocated.
const TICK_STEPS: c_int = 4096;
const TICK_BYTES: usize = 8 << 20;

/// All that a state may hold: a script that wants more is told that there is no memory.
pub const MEMORY_MAX_BYTES: usize = 1 << 30;

/// Something that functions called from Lua borrow, one after the other and never while they call back into Lua what
/// could borrow it too.
#[derive(Default)]
pub struct Slot<T>(UnsafeCell<T>);

impl<T> Slot<T> {
    #[allow(clippy::mut_from_ref)]
    pub fn borrow(&self) -> &mut T {
        // SAFETY: a state runs on one thread at a time, and by this type's rule nobody borrows twice.
        unsafe { &mut *self.0.get() }
    }
}

/// Beside a Lua state; also its allocator.
pub struct State {
    memory_bytes: Cell<usize>,
    memory_max_bytes: usize,
    /// Allocated since the last tick.
    fresh_bytes: Cell<usize>,
    /// The next step is to tick.
    is_hurried: Cell<bool>,
    main: Cell<*mut ffi::lua_State>,
    /// The coroutine that runs, or the main one.
    running: Cell<*mut ffi::lua_State>,
    host: Cell<Option<NonNull<dyn Host>>>,
    /// It must end: whatever catches the error meets the next one.
    is_killed: Cell<bool>,
    /// What it is told then.
    pub last_words: Cell<&'static str>,
    /// What `redis.call` sends, and what it is answered.
    pub request: Slot<Request>,
    pub reply: Slot<Reply>,
    /// Where texts are put together.
    pub scratch: Slot<Vec<u8>>,
    pub json: Slot<cjson::Settings>,
    pub random: Cell<Random>,
    /// The metatables of tables that nobody may change.
    pub protecting: Slot<Vec<*const c_void>>,
    /// While a library is loaded: what it has registered.
    pub registrations: Slot<Option<Vec<Registration>>>,
}

impl State {
    fn new(memory_max_bytes: usize) -> State {
        State {
            memory_bytes: Cell::new(0),
            memory_max_bytes,
            fresh_bytes: Cell::new(0),
            is_hurried: Cell::new(false),
            main: Cell::new(ptr::null_mut()),
            running: Cell::new(ptr::null_mut()),
            host: Cell::new(None),
            is_killed: Cell::new(false),
            last_words: Cell::new(""),
            request: Slot::default(),
            reply: Slot::default(),
            scratch: Slot::default(),
            json: Slot::default(),
            random: Cell::default(),
            protecting: Slot::default(),
            registrations: Slot::default(),
        }
    }

    pub fn stack(&self) -> Stack<'_> {
        Stack::of(self.main.get())
    }

    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes.get()
    }

    /// Who is called back, if anybody is.
    #[allow(clippy::mut_from_ref)]
    pub fn host(&self) -> Option<&mut dyn Host> {
        // SAFETY: it is there only during `with_host`, which has it for itself.
        self.host.get().map(|mut host| unsafe { host.as_mut() })
    }

    /// Lets `work` run code that calls `host` back, and time pass under way.
    pub fn with_host<T>(&self, host: &mut dyn Host, work: impl FnOnce() -> T) -> T {
        // SAFETY: only the lifetime is forgotten, and the pointer is, before this ends.
        let host: NonNull<dyn Host> = unsafe { std::mem::transmute(NonNull::from(host)) };
        self.host.set(Some(host));
        self.is_killed.set(false);
        self.running.set(self.main.get());
        self.fresh_bytes.set(0);
        self.set_hook(self.main.get(), ffi::LUA_MASKCOUNT, TICK_STEPS);
        let result = work();
        self.set_hook(self.main.get(), 0, 0);
        self.host.set(None);
        result
    }

    fn set_hook(&self, lua: *mut ffi::lua_State, mask: c_int, steps: c_int) {
        // SAFETY: the main state and the one that runs are alive; a hook may be set at any moment.
        unsafe { ffi::lua_sethook(lua, (mask != 0).then_some(on_step), mask, steps) };
    }

    pub fn is_killed(&self) -> bool {
        self.is_killed.get()
    }

    /// Notes that the coroutine of `stack` runs from now on; answers the one that ran before.
    pub fn run_on(&self, stack: Stack<'_>) -> Stack<'_> {
        Stack::of(self.running.replace(stack.pointer()))
    }

    /// Whether the code may go on. Ticks.
    fn may_go_on(&self, lua: *mut ffi::lua_State) -> bool {
        self.fresh_bytes.set(0);
        // It may have been hurried, or be a coroutine that was killed in an earlier run.
        self.is_hurried.set(false);
        self.set_hook(lua, ffi::LUA_MASKCOUNT, TICK_STEPS);
        if !self.is_killed.get() && self.host().is_some_and(|host| host.tick() == Tick::Stop) {
            self.is_killed.set(true);
        }
        if self.is_killed.get() {
            // Each step raises from now on, here and where this was called from.
            for lua in [lua, self.main.get()] {
                self.set_hook(lua, ffi::LUA_MASKLINE | ffi::LUA_MASKCOUNT, 1);
            }
        }
        !self.is_killed.get()
    }

    /// The error of what was killed.
    pub fn raise_last_words(&self, stack: Stack<'_>) -> Raised {
        super::error::push_error(stack, self.last_words.get());
        Raised
    }

    /// Frees what nothing points to any more.
    pub fn collect_garbage(&self) {
        // SAFETY: nothing runs; no value has a finalizer, so nothing is called.
        unsafe { ffi::lua_gc(self.main.get(), ffi::LUA_GCCOLLECT, 0) };
    }
}

impl State {
    /// Calls `run` with `context`, and with no values on the stack, so that what is raised in there ends there: the
    /// error, or `results` values, are on top then. What is kept at `handler`, if that is not 0, handles errors.
    pub fn protected<T, F>(&self, context: &mut T, handler: c_int, results: c_int, run: F) -> Result<(), Failed>
    where
        F: Fn(Stack<'_>, &mut T) -> Answer + Copy,
    {
        let stack = self.stack();
        let handler_index = if handler == 0 {
            0
        } else {
            stack.push_kept(handler);
            stack.top()
        };
        let _ = run;
        stack.push_function(with_context::<T, F>, 0);
        stack.push_light_userdata(ptr::from_mut(context).cast());
        stack.try_call(1, results, handler_index)
    }
}

fn with_context<T, F>(stack: Stack<'_>) -> Answer
where
    F: Fn(Stack<'_>, &mut T) -> Answer + Copy,
{
    const { assert!(size_of::<F>() == 0, "the function holds something") };
    // SAFETY: a type without size has one value, and needs no memory.
    let run = unsafe { NonNull::<F>::dangling().read() };
    // SAFETY: only `protected` pushes this function, with its context, which it has for itself until this ends.
    let context = unsafe { &mut *stack.light_userdata(1).cast::<T>() };
    stack.set_top(0);
    run(stack, context)
}

/// A Lua state with what belongs to it, and the one who has it.
pub struct Owned(NonNull<State>);

// SAFETY: a Lua state belongs to no thread, and what it refers to is in it; whoever has it has it alone.
unsafe impl Send for Owned {}

impl Owned {
    /// A state with nothing in it.
    pub fn open(memory_max_bytes: usize) -> Owned {
        let state = NonNull::from(Box::leak(Box::new(State::new(memory_max_bytes))));
        let owned = Owned(state);
        // SAFETY: the allocator keeps to Lua's contract, and its owner outlives the state.
        let lua = unsafe { ffi::lua_newstate(allocate, state.as_ptr().cast()) };
        assert!(!lua.is_null(), "no memory for an interpreter");
        owned.main.set(lua);
        owned.running.set(lua);
        owned
    }
}

impl Deref for Owned {
    type Target = State;

    fn deref(&self) -> &State {
        // SAFETY: it lives as long as its owner, and is only ever shared.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: nobody else knows it; Lua's part goes before its allocator.
        unsafe {
            if !self.main.get().is_null() {
                ffi::lua_close(self.main.get());
            }
            drop(Box::from_raw(self.0.as_ptr()));
        }
    }
}

/// The function of the level that raised an error, as far as a reply tells of it.
pub struct Place {
    pub source: Vec<u8>,
    pub line: c_int,
}

/// Where the code is that called what raised: `None` if nothing did.
pub fn place_of_error(stack: Stack<'_>) -> Option<Place> {
    let place_at = |level: c_int| {
        // SAFETY: plain integers and pointers, for which zero is a value.
        let mut frame: ffi::lua_Debug = unsafe { std::mem::zeroed() };
        // SAFETY: the frame is filled by the first call and read by the second.
        let is_there = unsafe {
            ffi::lua_getstack(stack.pointer(), level, &mut frame) != 0
                && ffi::lua_getinfo(stack.pointer(), c"Sl".as_ptr(), &mut frame) != 0
        };
        // SAFETY: what is filled in are texts that live as long as the function.
        let text = |start| unsafe { std::ffi::CStr::from_ptr(start) }.to_bytes();
        is_there
            .then(|| (text(frame.what) == b"C", Place { source: text(frame.source).to_vec(), line: frame.currentline }))
    };
    match place_at(1)? {
        (false, place) => Some(place),
        // A function of ours raised: what counts is who called it.
        (true, place) => Some(place_at(2).map_or(place, |(_, caller)| caller)),
    }
}

/// Lua's hook: so many steps were taken.
unsafe extern "C-unwind" fn on_step(lua: *mut ffi::lua_State, _: *mut ffi::lua_Debug) {
    let stack = Stack::of(lua);
    let state = stack.state();
    if !state.may_go_on(lua) {
        let Raised = state.raise_last_words(stack);
        // SAFETY: the error lies on top, and nothing here needs dropping.
        unsafe { ffi::lua_error(lua) };
    }
}

/// Lua's allocator: by ours, which counts; within the state's bound.
unsafe extern "C" fn allocate(
    owner: *mut c_void,
    block: *mut c_void,
    old_bytes: usize,
    new_bytes: usize,
) -> *mut c_void {
    // SAFETY: the owner is the `State` that `open` named, and it is only ever shared.
    let state = unsafe { &*owner.cast::<State>() };
    let old_bytes = if block.is_null() { 0 } else { old_bytes };
    let memory_bytes = state.memory_bytes.get() - old_bytes + new_bytes;
    if new_bytes > old_bytes {
        // What runs is bounded; what the server keeps of it is not, since nobody could take that error.
        if memory_bytes > state.memory_max_bytes && state.host.get().is_some() {
            return ptr::null_mut();
        }
        state.note_fresh(new_bytes - old_bytes);
    }
    // SAFETY: Lua hands back what it was given, with its size; no object of it needs more than the alignment of 8.
    let moved = unsafe { reallocate(block.cast(), old_bytes, new_bytes) };
    if new_bytes == 0 || !moved.is_null() {
        state.memory_bytes.set(memory_bytes);
    }
    moved.cast()
}

/// # Safety
/// `block` is null, with `old_bytes` 0, or was made by this function with that size.
unsafe fn reallocate(block: *mut u8, old_bytes: usize, new_bytes: usize) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(old_bytes, 8) else { return ptr::null_mut() };
    // SAFETY: sizes of 0 never reach the allocator, and the layout is the one that the block was made with.
    unsafe {
        match (old_bytes, new_bytes) {
            (0, 0) => ptr::null_mut(),
            (0, _) => Layout::from_size_align(new_bytes, 8).map_or(ptr::null_mut(), |fresh| std::alloc::alloc(fresh)),
            (_, 0) => {
                std::alloc::dealloc(block, layout);
                ptr::null_mut()
            }
            _ => std::alloc::realloc(block, layout, new_bytes),
        }
    }
}

impl State {
    /// Much was allocated in few steps: the next one ticks.
    fn note_fresh(&self, bytes: usize) {
        let fresh_bytes = self.fresh_bytes.get() + bytes;
        self.fresh_bytes.set(fresh_bytes);
        if fresh_bytes > TICK_BYTES
            && !self.is_killed.get()
            && self.host.get().is_some()
            && !self.is_hurried.replace(true)
        {
            self.set_hook(self.running.get(), ffi::LUA_MASKCOUNT, 1);
        }
    }
}
