# A test's name as the lists hold it: numbers masked, since some are drawn by chance (`x = 75285`); digits that belong
# to a word (RESP3, PSYNC2) stay.
function masked(name,    done) {
    name = " " name
    while (match(name, /[^A-Za-z0-9][0-9]+/)) {
        done = done substr(name, 1, RSTART) "N"
        name = substr(name, RSTART + RLENGTH)
    }
    return substr(done name, 2)
}
