# Turns what Redis's test runner printed for one unit into lines `ok|err <tab> unit <tab> test`.
#
# Tests that share a masked name share one entry, which is ok only if all of them are. That the unit came to its end
# is an entry as well, named in `end`: a unit that hangs or breaks off is thereby a failure even if it holds no test.
#
# usage: awk -v unit=UNIT -v end=NAME -f mask.awk -f results.awk OUTPUT

BEGIN { OFS = "\t"; status[end] = "err" }

/^\[ok\]: / {
    sub(/^\[ok\]: /, ""); sub(/ \([0-9]+ ms\)$/, "")
    record("ok", $0)
}

# The name ends with the file it stands in; an error without one was thrown between the tests.
/^\[err\]: / {
    sub(/^\[err\]: /, "")
    record("err", sub(/ in tests\/[^ ]*\.tcl$/, "") ? $0 : "outside any test")
}

/^\[exception\]: / { record("err", "outside any test") }

/^\[[0-9]+\/[0-9]+ done\]: / { status[end] = "ok" }

END { for (name in status) print status[name], unit, name }

function record(result, name) {
    name = masked(name)
    if (status[name] != "err") status[name] = result
}
