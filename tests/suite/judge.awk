# Holds results against the lists. A test is ok if it was ok in one of its runs: what failed among others had a second
# run alone. Prints, tab-separated, what the shell around it needs:
#   unit  UNIT PASSED TOTAL EXCUSED       one line per unit; EXCUSED of the tests not passed have a stated reason
#   fail  UNIT TEST REASON                a test that must pass and did not
#   new   UNIT TEST                       a pass that passing.list does not hold yet
#
# usage: awk -F '\t' -v end=NAME -f judge.awk units.list passing.list excused.list RESULTS...

BEGIN { OFS = "\t" }
FNR == 1 { file++ }
/^#/ || /^$/ { next }
file == 1 { units[++unit_count] = $1; ran[$1] = 1; next }
file <= 3 { listed++ }
file == 2 { if (ran[$1]) { must_pass[$1, $2] = 1; seen[$1, $2] = 1 } next }
file == 3 {
    letters[$1]++
    if (must_pass[$3, $4]) fail($3, $4, "stands in both lists")
    if (ran[$3]) { excused[$3, $4] = 1; seen[$3, $4] = 1 }
    next
}
{ seen[$2, $3] = 1; if (status[$2, $3] != "ok") status[$2, $3] = $1 }

END {
    for (letter in letters) if (letter !~ /^[abc]$/) fail("excused.list", "letter " letter, "is none of a, b, c")
    if (letters["c"] * 50 > listed) fail("excused.list", "letter c", "more than 2 % of all tests")
    for (key in seen) judge(key)
    for (i = 1; i <= unit_count; i++) print "unit", units[i], passed[units[i]] + 0, total[units[i]] + 0, allowed[units[i]] + 0
}

function judge(key,    part, is_test) {
    split(key, part, SUBSEP)
    is_test = part[2] != end && part[2] != "outside any test"
    total[part[1]] += is_test
    if (status[key] == "ok") {
        passed[part[1]] += is_test
        if (is_test && !must_pass[key]) print "new", part[1], part[2]
    } else if (excused[key]) {
        allowed[part[1]] += is_test
    } else {
        fail(part[1], part[2], status[key] == "err" ? "failed" : "did not run")
    }
}

function fail(unit, name, reason) { print "fail", unit, name, reason }
