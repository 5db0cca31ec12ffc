//! A file that is begun anew when it is large, with the last ones kept beside it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// FILE, and FILE.1 to FILE.4, the youngest first.
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    size: u64,
    max: u64,
}

/// Bytes of each.
const FILE_MAX: u64 = 10 * 1024 * 1024;

/// How many are kept beside the one that is written.
const OLDER: u32 = 4;

impl Rotating {
    /// Goes on with a file, or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Rotating> {
        let file = File::options().append(true).create(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Rotating { path: path.into(), file, size, max: FILE_MAX })
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..OLDER).rev() {
            match fs::rename(self.older(number), self.older(number + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = File::options().append(true).create(true).open(&self.path)?;
        self.size = 0;
        Ok(())
    }

    fn older(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        name.into()
    }
}

/// A piece that is written at once is in one file.
impl Write for Rotating {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        // What is no file, such as a terminal, has no size and no others beside it.
        if self.size > 0 && self.size.saturating_add(length(bytes.len())) > self.max && self.file.metadata()?.is_file()
        {
            self.rotate()?;
        }
        let written = self.file.write(bytes)?;
        self.size = self.size.saturating_add(length(written));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn the_last_files_are_kept_and_no_piece_is_torn() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("modem.log");
        let mut rotating = Rotating { max: 20, ..Rotating::open(&path).unwrap() };
        for number in 10..30 {
            rotating.write_all(format!("piece {number}\n").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("modem.log"), "piece 28\npiece 29\n");
        assert_eq!(read("modem.log.1"), "piece 26\npiece 27\n");
        assert_eq!(read("modem.log.4"), "piece 20\npiece 21\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        // One that was there goes on, and a piece that is larger than a file is written all the same.
        let mut rotating = Rotating { max: 20, ..Rotating::open(&path).unwrap() };
        rotating.write_all(b"a piece that is larger than a file\n").unwrap();
        rotating.write_all(b"last\n").unwrap();
        assert_eq!(
            (read("modem.log.1"), read("modem.log")),
            ("a piece that is larger than a file\n".into(), "last\n".into())
        );
    }
}
