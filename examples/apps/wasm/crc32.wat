;; CRC-32 (of zip, gzip and PNG). crc32.wasm is made of this file, by wat2wasm of WABT 1.0.32:
;;
;;     wat2wasm crc32.wat -o crc32.wasm
;;
;; The first 1 KiB of memory is the table, made at the start; what is to be summed goes from 64 KiB on.
(module
  (memory (export "memory") 2 2)
  (global (export "input") i32 (i32.const 65536))

  (func $table
    (local $n i32) (local $bit i32) (local $c i32)
    (loop $entries
      (local.set $c (local.get $n))
      (local.set $bit (i32.const 8))
      (loop $bits
        (local.set $c
          (i32.xor
            (i32.shr_u (local.get $c) (i32.const 1))
            (i32.and (i32.const 0xEDB88320) (i32.sub (i32.const 0) (i32.and (local.get $c) (i32.const 1))))))
        (br_if $bits (local.tee $bit (i32.sub (local.get $bit) (i32.const 1)))))
      (i32.store (i32.shl (local.get $n) (i32.const 2)) (local.get $c))
      (br_if $entries (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 256)))))
  (start $table)

  ;; The sum of what `crc` is the sum of and the `len` bytes at `at`; begin with 0.
  (func (export "update") (param $crc i32) (param $at i32) (param $len i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (local.set $crc (i32.xor (local.get $crc) (i32.const -1)))
    (block $done
      (loop $bytes
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $crc
          (i32.xor
            (i32.load (i32.shl (i32.and (i32.xor (local.get $crc) (i32.load8_u (local.get $at))) (i32.const 255)) (i32.const 2)))
            (i32.shr_u (local.get $crc) (i32.const 8))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (i32.xor (local.get $crc) (i32.const -1))))
