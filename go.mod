module lesson

go 1.26.0
