module nano-isolates/nano

go 1.24
