# Prints what Redis's test runner said about one failed test: the first lines of its error.
#
# usage: awk -v wanted=TEST -f mask.awk -f failure.awk OUTPUT

/^\[/ { left = 0 }
/^\[err\]: / { if (!/ in tests\// || index(masked($0), wanted)) left = 12 }
/^\[exception\]|^\[TIMEOUT\]/ { left = 12 }
left > 0 { left--; print "    " substr($0, 1, 300) }
