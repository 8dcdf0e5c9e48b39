module nano-figures

go 1.25
