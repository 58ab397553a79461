// SPDX-License-Identifier: BSD-2-Clause
// A Rust program that uses std for the file system, and mmap through libc as memmap2 does.
// It prints what it finds and does, one line each.
use std::ffi::c_void;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::io::AsRawFd;

extern "C" {
    fn mmap(addr: *mut c_void, len: usize, prot: i32, flags: i32, fd: i32, off: i64) -> *mut c_void;
    fn munmap(addr: *mut c_void, len: usize) -> i32;
    fn msync(addr: *mut c_void, len: usize, flags: i32) -> i32;
}

const PROT_READ: i32 = 1;
const PROT_WRITE: i32 = 2;
const MAP_SHARED: i32 = 1;
const MAP_PRIVATE: i32 = 2;
const MS_SYNC: i32 = 4;
const MAP_FAILED: *mut c_void = !0 as *mut c_void;

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn main() -> std::io::Result<()> {
    let path = "/dev/dax0.0";
    let meta = fs::metadata(path)?;
    println!("char device {} size {}", meta.file_type().is_char_device(), meta.len());
    let (major, minor) = ((meta.rdev() >> 8) & 0xfff, meta.rdev() & 0xff);
    let node = format!("/sys/dev/char/{}:{}", major, minor);
    let size: usize = fs::read_to_string(format!("{}/size", node))?.trim().parse().unwrap();
    let subsystem = fs::canonicalize(format!("{}/subsystem", node))?;
    println!("size {} subsystem {}", size, subsystem.display());
    let mut names: Vec<_> = fs::read_dir("/sys/bus/dax/devices")?
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    println!("devices {}", names.join(" "));

    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let fd = file.as_raw_fd();
    println!("read {:?}", file.read(&mut [0; 1]).unwrap_err().raw_os_error());
    println!("write {:?}", file.write(&[0; 1]).unwrap_err().raw_os_error());
    println!("set_len {:?}", file.set_len(0).unwrap_err().raw_os_error());
    println!("sync_all {:?}", file.sync_all().unwrap_err().raw_os_error());
    unsafe {
        let p = mmap(std::ptr::null_mut(), size, PROT_READ, MAP_PRIVATE, fd, 0);
        println!("private {} {}", p == MAP_FAILED, errno());
        let p = mmap(std::ptr::null_mut(), size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert!(p != MAP_FAILED);
        let bytes = std::slice::from_raw_parts_mut(p as *mut u8, size);
        for (i, b) in bytes.iter_mut().enumerate().step_by(4099) {
            *b = (i % 251) as u8 + 1;
        }
        println!("msync {} {}", msync(p, size, MS_SYNC), errno());
        println!("munmap {}", munmap(p, size));
        let p = mmap(std::ptr::null_mut(), size, PROT_READ, MAP_SHARED, fd, 0);
        let bytes = std::slice::from_raw_parts(p as *const u8, size);
        let good = bytes.iter().enumerate().step_by(4099).all(|(i, b)| *b == (i % 251) as u8 + 1);
        println!("same {}", good);
    }
    Ok(())
}
