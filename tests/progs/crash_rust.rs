// SPDX-License-Identifier: BSD-2-Clause
// Records on /dev/dax0.0 and their number, persisted with core::arch's intrinsics:
//
//   crash_rust right|late|stream|stream-no-fence
//   crash_rust check
use std::arch::x86_64::{__m128i, _mm_clflush, _mm_set1_epi64x, _mm_sfence, _mm_stream_si128};
use std::ffi::c_void;
use std::fs::OpenOptions;
use std::os::unix::io::AsRawFd;

extern "C" {
    fn mmap(addr: *mut c_void, len: usize, prot: i32, flags: i32, fd: i32, off: i64) -> *mut c_void;
}

const PROT_READ_WRITE: i32 = 3;
const MAP_SHARED: i32 = 1;
const MAP_FAILED: *mut c_void = !0 as *mut c_void;
const WORDS: usize = 16;
const RECORDS: u64 = 3;

#[repr(C, align(64))]
struct Area {
    count: u64,
    padding: [u64; 7],
    records: [[u64; WORDS]; RECORDS as usize],
}

fn append(area: &mut Area, way: &str, n: u64) {
    let record = area.records[n as usize - 1].as_mut_ptr();
    unsafe {
        for i in (0..WORDS).step_by(2) {
            if way.starts_with("stream") {
                _mm_stream_si128(record.add(i) as *mut __m128i, _mm_set1_epi64x(n as i64));
            } else {
                record.add(i).write_volatile(n);
                record.add(i + 1).write_volatile(n);
            }
        }
        if way == "right" {
            _mm_clflush(record as *const u8);
            _mm_clflush(record.add(8) as *const u8);
        }
        if way != "stream-no-fence" {
            _mm_sfence();
        }
        (&mut area.count as *mut u64).write_volatile(n);
        _mm_clflush(&area.count as *const u64 as *const u8);
        if way == "late" {
            _mm_clflush(record as *const u8);
            _mm_clflush(record.add(8) as *const u8);
        }
        _mm_sfence();
    }
    println!("{}", n);
}

fn main() {
    let way = std::env::args().nth(1).unwrap();
    let file = OpenOptions::new().read(true).write(true).open("/dev/dax0.0").unwrap();
    let fd = file.as_raw_fd();
    let p = unsafe { mmap(std::ptr::null_mut(), 2 << 20, PROT_READ_WRITE, MAP_SHARED, fd, 0) };
    assert!(p != MAP_FAILED);
    let area = unsafe { &mut *(p as *mut Area) };
    if way != "check" {
        for n in 1..=RECORDS {
            append(area, &way, n);
        }
        return;
    }
    for n in 1..=area.count {
        if area.records[n as usize - 1].iter().any(|&word| word != n) {
            println!("record {} is not there", n);
            std::process::exit(1);
        }
    }
}
