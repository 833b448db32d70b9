module lesson

go 1.25.0
