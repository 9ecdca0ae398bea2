//! The stack of a Lua state: the values that a function was given and those that it answers, by Lua's indices.
//!
//! A thin face over the C interface. Whatever allocates may raise, and so may what the doc says: then the function of
//! the caller ends there, without dropping anything.

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use mlua::ffi;

use super::state::State;

/// An error value lies on top of the stack; whoever was called from Lua returns this, and it is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised;

/// How many values a function answers: those on top of the stack.
pub type Answer = Result<c_int, Raised>;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    None,
    Nil,
    Boolean,
    LightUserdata,
    Number,
    String,
    Table,
    Function,
    Userdata,
    Thread,
}

/// A state during one call. Indices are Lua's: positive from the bottom, negative from the top.
#[derive(Clone, Copy)]
pub struct Stack<'s> {
    lua: *mut ffi::lua_State,
    call: PhantomData<&'s ()>,
}

/// Where names and values are kept beside the stack.
pub const REGISTRY: c_int = ffi::LUA_REGISTRYINDEX;
/// The table of globals of the thread at hand.
pub const GLOBALS: c_int = ffi::LUA_GLOBALSINDEX;
pub const ALL_RESULTS: c_int = ffi::LUA_MULTRET;

/// Value `number`, from 1 on, that a function was given when it was made.
pub const fn upvalue(number: c_int) -> c_int {
    ffi::lua_upvalueindex(number)
}

macro_rules! lua {
    ($stack:expr, $function:ident $(, $argument:expr)*) => {
        // SAFETY: a stack exists only during a call into its state, which lives on; the arguments are indices, which
        // the callers keep within it, and pointers to what lives longer than the call.
        unsafe { ffi::$function($stack.lua $(, $argument)*) }
    };
}

impl<'s> Stack<'s> {
    /// The stack of `lua`, which must be alive for `'s`.
    pub(super) fn of(lua: *mut ffi::lua_State) -> Stack<'s> {
        Stack { lua, call: PhantomData }
    }

    pub(super) fn pointer(self) -> *mut ffi::lua_State {
        self.lua
    }

    /// What belongs to the whole state, whatever coroutine runs.
    pub fn state(self) -> &'s State {
        let mut owner: *mut c_void = std::ptr::null_mut();
        lua!(self, lua_getallocf, &mut owner);
        // SAFETY: every state is made with its `State` as the allocator's, which outlives it and is only ever shared.
        unsafe { &*owner.cast::<State>() }
    }

    pub fn top(self) -> c_int {
        lua!(self, lua_gettop)
    }

    pub fn set_top(self, index: c_int) {
        lua!(self, lua_settop, index)
    }

    pub fn pop(self, count: c_int) {
        self.set_top(-count - 1)
    }

    /// Makes room; false if the stack may not grow so much.
    pub fn has_room(self, slots: c_int) -> bool {
        lua!(self, lua_checkstack, slots) != 0
    }

    pub fn kind(self, index: c_int) -> Kind {
        match lua!(self, lua_type, index) {
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TLIGHTUSERDATA => Kind::LightUserdata,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            ffi::LUA_TUSERDATA => Kind::Userdata,
            ffi::LUA_TTHREAD => Kind::Thread,
            _ => Kind::None,
        }
    }

    /// `number`, `table` and so on.
    pub fn kind_name(self, index: c_int) -> &'static str {
        let kind = lua!(self, lua_type, index);
        let name = lua!(self, lua_typename, kind);
        // SAFETY: the names are constants of the interpreter, in ASCII.
        unsafe { CStr::from_ptr(name) }.to_str().unwrap_or_default()
    }

    pub fn is_nil(self, index: c_int) -> bool {
        matches!(self.kind(index), Kind::Nil | Kind::None)
    }

    /// Whether it is a number, or a string that reads as one.
    pub fn is_number(self, index: c_int) -> bool {
        lua!(self, lua_isnumber, index) != 0
    }

    /// A string, or a number, which it turns into one in place (it may raise for want of memory). Valid as long as
    /// the value is on the stack or in a table.
    pub fn bytes(self, index: c_int) -> Option<&'s [u8]> {
        let mut len = 0;
        let start = lua!(self, lua_tolstring, index, &mut len);
        if start.is_null() {
            return None;
        }
        // SAFETY: Lua says where its string lies and how long it is, and does not move strings.
        Some(unsafe { std::slice::from_raw_parts(start.cast(), len) })
    }

    /// As `bytes`, with the zero byte that stands behind each of Lua's strings.
    pub fn bytes_with_zero(self, index: c_int) -> Option<&'s [u8]> {
        let bytes = self.bytes(index)?;
        // SAFETY: Lua's strings are followed by a zero byte.
        Some(unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len() + 1) })
    }

    /// 0 for what is no number.
    pub fn number(self, index: c_int) -> f64 {
        lua!(self, lua_tonumber, index)
    }

    pub fn bool(self, index: c_int) -> bool {
        lua!(self, lua_toboolean, index) != 0
    }

    pub fn light_userdata(self, index: c_int) -> *mut c_void {
        lua!(self, lua_touserdata, index)
    }

    /// What tells a table, function or thread from all others.
    pub fn identity(self, index: c_int) -> *const c_void {
        lua!(self, lua_topointer, index)
    }

    /// Length of a string or a table, without metamethods.
    pub fn len(self, index: c_int) -> usize {
        lua!(self, lua_objlen, index)
    }

    pub fn push_nil(self) {
        lua!(self, lua_pushnil)
    }

    pub fn push_bool(self, truth: bool) {
        lua!(self, lua_pushboolean, truth.into())
    }

    pub fn push_number(self, number: f64) {
        lua!(self, lua_pushnumber, number)
    }

    pub fn push_bytes(self, bytes: &[u8]) {
        lua!(self, lua_pushlstring_, bytes.as_ptr().cast(), bytes.len())
    }

    pub fn push_light_userdata(self, pointer: *mut c_void) {
        lua!(self, lua_pushlightuserdata, pointer)
    }

    /// A copy of the value at `index`.
    pub fn push_copy(self, index: c_int) {
        lua!(self, lua_pushvalue, index)
    }

    /// A new table with room for so many items and fields.
    pub fn push_table(self, items: usize, fields: usize) {
        lua!(self, lua_createtable, items.min(1 << 20) as c_int, fields.min(1 << 20) as c_int)
    }

    /// A function that takes the `upvalues` values on top of the stack with it.
    pub fn push_function<F>(self, function: F, upvalues: c_int)
    where
        F: Fn(Stack<'_>) -> Answer + Copy,
    {
        // It has no size: its type says all.
        let _ = function;
        lua!(self, lua_pushcclosure, called_from_lua::<F>, upvalues)
    }

    /// Moves the top value to `index`, and what is there up.
    pub fn insert(self, index: c_int) {
        lua!(self, lua_insert, index)
    }

    pub fn remove(self, index: c_int) {
        lua!(self, lua_remove, index)
    }

    /// Takes the top value off and puts it in place of the one at `index`.
    pub fn replace(self, index: c_int) {
        lua!(self, lua_replace, index)
    }

    /// The field `name` of a table, without metamethods.
    pub fn raw_field(self, index: c_int, name: &[u8]) -> Kind {
        let table = self.absolute(index);
        self.push_bytes(name);
        lua!(self, lua_rawget_, table);
        self.kind(-1)
    }

    /// As a script would ask for it; may raise.
    pub fn value_of_key(self, index: c_int) {
        lua!(self, lua_gettable_, index)
    }

    pub fn raw_item(self, index: c_int, item: usize) -> Kind {
        lua!(self, lua_rawgeti_, index, item as c_int);
        self.kind(-1)
    }

    /// Sets the field `name` of a table to the top value, without metamethods.
    pub fn set_raw_field(self, index: c_int, name: &[u8]) {
        let table = self.absolute(index);
        self.push_bytes(name);
        self.insert(-2);
        lua!(self, lua_rawset, table)
    }

    pub fn set_raw_item(self, index: c_int, item: usize) {
        lua!(self, lua_rawseti_, index, item as c_int)
    }

    /// Sets key and value on top in the table at `index`. A key that is nil or not a number raises.
    pub fn set_raw(self, index: c_int) {
        lua!(self, lua_rawset, index)
    }

    /// As a script would set it; may raise.
    pub fn set_value_of_key(self, index: c_int) {
        lua!(self, lua_settable, index)
    }

    /// The entry after the key on top: false at the end, else key and value are on top. A key that is not in the table
    /// raises.
    pub fn next(self, index: c_int) -> bool {
        lua!(self, lua_next, index) != 0
    }

    /// Pushes the metatable, if there is one.
    pub fn has_metatable(self, index: c_int) -> bool {
        lua!(self, lua_getmetatable, index) != 0
    }

    /// Takes the table on top as metatable of the value at `index`.
    pub fn set_metatable(self, index: c_int) {
        lua!(self, lua_setmetatable, index);
    }

    /// Joins the `count` values on top.
    pub fn concat(self, count: c_int) {
        lua!(self, lua_concat, count)
    }

    /// Calls; what is raised in there goes on to be raised.
    pub fn call(self, arguments: c_int, results: c_int) {
        lua!(self, lua_call, arguments, results)
    }

    /// Calls; what is raised lies on top afterwards. Handled by the function at `handler`, if that is not 0.
    pub fn try_call(self, arguments: c_int, results: c_int, handler: c_int) -> Result<(), Failed> {
        match lua!(self, lua_pcall, arguments, results, handler) {
            ffi::LUA_OK => Ok(()),
            ffi::LUA_ERRMEM => Err(Failed::Memory),
            _ => Err(Failed::Run),
        }
    }

    /// Calls a function of Lua's own, at `index`, in place of the one at hand, with the same arguments; may raise.
    pub fn call_native(self, index: c_int) -> c_int {
        match lua!(self, lua_tocfunction, index) {
            // SAFETY: such a function expects its arguments on the stack, where ours are.
            Some(function) => unsafe { function(self.lua) },
            None => 0,
        }
    }

    /// Lua's own libraries that are harmless, as globals.
    pub fn open_libraries(self) {
        let libraries: [(ffi::lua_CFunction, &CStr); 4] = [
            (ffi::luaopen_base, c""),
            (ffi::luaopen_table, c"table"),
            (ffi::luaopen_string, c"string"),
            (ffi::luaopen_math, c"math"),
        ];
        for (open, name) in libraries {
            lua!(self, lua_pushcclosure, open, 0);
            self.push_bytes(name.to_bytes());
            self.call(1, 0);
        }
    }

    /// Compiles source text: the function, or the error, is on top. Compiled code is no text: it could hold anything.
    pub fn load(self, source: &[u8], name: &CStr) -> Result<(), Failed> {
        if source.first() == Some(&ffi::LUA_SIGNATURE[0]) {
            self.push_bytes(b"compiled code is not loaded");
            return Err(Failed::Run);
        }
        // The compiler does not hold on to the name itself, and collects garbage under way.
        self.push_bytes(name.to_bytes());
        let status = lua!(self, luaL_loadbuffer, source.as_ptr().cast(), source.len(), name.as_ptr());
        self.remove(-2);
        match status {
            ffi::LUA_OK => Ok(()),
            ffi::LUA_ERRMEM => Err(Failed::Memory),
            _ => Err(Failed::Run),
        }
    }

    /// Keeps the top value in the registry, under the number that it answers.
    pub fn keep(self) -> c_int {
        lua!(self, luaL_ref, REGISTRY)
    }

    /// Pushes what is kept under `number`.
    pub fn push_kept(self, number: c_int) {
        lua!(self, lua_rawgeti_, REGISTRY, number)
    }

    /// Gives up what is kept under `number`.
    pub fn release(self, number: c_int) {
        lua!(self, luaL_unref, REGISTRY, number)
    }

    /// Raises unless argument `index` is a string or a number.
    pub fn check_bytes(self, index: c_int) -> &'s [u8] {
        lua!(self, luaL_checklstring, index, std::ptr::null_mut());
        self.bytes(index).unwrap_or_default()
    }

    /// Raises unless argument `index` is a number.
    pub fn check_number(self, index: c_int) -> f64 {
        lua!(self, luaL_checknumber, index)
    }

    /// Raises unless argument `index` is a number; cut to an integer as C does.
    pub fn check_int(self, index: c_int) -> i64 {
        lua!(self, luaL_checkinteger, index) as i64
    }

    pub fn optional_int(self, index: c_int, default: i64) -> i64 {
        lua!(self, luaL_optinteger, index, default as ffi::lua_Integer) as i64
    }

    /// Raises unless argument `index` is a table.
    pub fn check_table(self, index: c_int) {
        lua!(self, luaL_checktype, index, ffi::LUA_TTABLE)
    }

    /// Raises unless argument `index` is a function.
    pub fn check_function(self, index: c_int) {
        lua!(self, luaL_checktype, index, ffi::LUA_TFUNCTION)
    }

    /// Pushes where the caller is, as errors begin.
    pub fn push_place(self) {
        lua!(self, luaL_where, 1)
    }

    /// Pushes a text behind the place of the caller, as Lua's own functions raise it.
    pub fn error(self, text: &str) -> Raised {
        self.push_place();
        self.push_bytes(text.as_bytes());
        self.concat(2);
        Raised
    }

    /// Raises `bad argument #... to '...' (...)`.
    pub fn argument_error(self, index: c_int, text: &CStr) -> Raised {
        lua!(self, luaL_argerror, index, text.as_ptr());
        Raised
    }

    /// `index` counted from the bottom.
    pub fn absolute(self, index: c_int) -> c_int {
        if index < 0 && index > REGISTRY { self.top() + index + 1 } else { index }
    }

    /// The values on top of the stack from the bottom of another one of the same state.
    pub fn thread(self, index: c_int) -> Option<Stack<'s>> {
        let lua = lua!(self, lua_tothread, index);
        (!lua.is_null()).then(|| Stack::of(lua))
    }
}

/// Why a protected call did not come to its end; the error is on top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    Run,
    Memory,
}

/// What Lua calls. `F` is a function or a closure that holds nothing, so there is nothing of it to be kept.
unsafe extern "C-unwind" fn called_from_lua<F>(lua: *mut ffi::lua_State) -> c_int
where
    F: Fn(Stack<'_>) -> Answer + Copy,
{
    const { assert!(size_of::<F>() == 0, "the function holds something") };
    // SAFETY: a type without size has one value, for which no memory is needed.
    let function = unsafe { NonNull::<F>::dangling().read() };
    match function(Stack::of(lua)) {
        Ok(results) => results,
        // SAFETY: the error lies on top of the stack, and nothing is left here that needs dropping.
        Err(Raised) => unsafe { ffi::lua_error(lua) },
    }
}
