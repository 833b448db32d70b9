package tcp

var rules = []Rule{}

// Rules lists the whole machine: every arrow this program knows.
func Rules() []Rule { return append([]Rule(nil), rules...) }
