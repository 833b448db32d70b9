module lesson

go 1.25.0

require github.com/rivo/uniseg v0.4.7
