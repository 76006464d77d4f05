//! The child process that reads strangers' files: what it may do, and its conversation with the
//! parent.
//!
//! The service's own binary is started again with [`ARGUMENT`]. Before it looks at its input it
//! takes from itself everything but computing: limits of memory, processor time, files; no file
//! system (Landlock); no system calls beyond memory, reading and writing (seccomp). The input is one
//! line of JSON ([`Request`]) and the document's bytes; the output is one [`Response`].

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::extract;
use super::rejection::Rejection;
use super::sniff::DocumentType;

/// The first argument that makes a program of this workspace the child; two numbers follow:
/// address space in bytes, processor time in seconds.
pub const ARGUMENT: &str = "extract-document";

/// `EX_SOFTWARE` of sysexits.h: the child could not take its rights away and has read nothing.
pub const NOT_CONFINED: u8 = 70;

/// Open files: the three standard ones and what the C library may need.
const MAX_OPEN_FILES: u64 = 16;
/// Written files; there is no file system to write to, this is the second lock.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The longest first line.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;

/// What is asked of the child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// As the person called it; gives the title when the document has none.
    pub file_name: String,
    /// What the bytes are said to be.
    pub document_type: DocumentType,
    /// What an HTTP header said about the charset.
    pub charset: Option<String>,
    /// How many bytes follow.
    pub length: u64,
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// Which locks this kernel has.
    pub confinement: Confinement,
    /// The document or why it was refused.
    pub outcome: Result<Document, Rejection>,
}

/// The locks that depend on the kernel. Limits of memory and time are never optional.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// No file system and no TCP (Linux 5.13 and later).
    pub landlock: bool,
    /// No system calls but those of [`linux`].
    pub seccomp: bool,
}

/// Whether this process was started as the child. To be asked first in `main`: no runtime, no
/// logging, no configuration before it.
pub fn is_extraction_child() -> bool {
    std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == ARGUMENT)
}

/// The whole life of the child.
pub fn run_extraction_child() -> ExitCode {
    match confine().and_then(|confinement| {
        let outcome = answer(io::stdin().lock())?;
        write(&Response {
            confinement,
            outcome,
        })
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be listening; there is nothing else left to tell.
            let _ = writeln!(io::stderr(), "extraction child: {error}");
            ExitCode::from(NOT_CONFINED)
        }
    }
}

fn answer(mut input: impl io::BufRead) -> io::Result<Result<Document, Rejection>> {
    let mut line = String::new();
    input
        .by_ref()
        .take(MAX_REQUEST_BYTES)
        .read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line)?;
    let mut bytes = Vec::with_capacity(usize::try_from(request.length).unwrap_or(0));
    input.take(request.length).read_to_end(&mut bytes)?;
    Ok(extract::extract(
        &request.file_name,
        request.document_type,
        request.charset.as_deref(),
        &bytes,
    ))
}

fn write(response: &Response) -> io::Result<()> {
    let mut output = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    serde_json::to_writer(&mut output, response)?;
    output.flush()
}

fn confine() -> io::Result<Confinement> {
    let mut numbers = std::env::args()
        .skip(2)
        .map(|argument| argument.parse::<u64>());
    let (Some(Ok(memory)), Some(Ok(seconds))) = (numbers.next(), numbers.next()) else {
        return Err(io::Error::other(
            "expected bytes of memory and seconds of processor time",
        ));
    };
    #[cfg(unix)]
    limit(memory, seconds)?;
    #[cfg(target_os = "linux")]
    return linux::lock();
    #[cfg(not(target_os = "linux"))]
    Ok(Confinement::default())
}

#[cfg(unix)]
fn limit(memory: u64, seconds: u64) -> io::Result<()> {
    use rlimit::Resource;
    // At the soft limit of processor time SIGXCPU comes, which the parent tells from a crash.
    rlimit::setrlimit(Resource::CPU, seconds, seconds + 1)?;
    for (resource, limit) in [
        (Resource::CORE, 0),
        (Resource::NOFILE, MAX_OPEN_FILES),
        (Resource::FSIZE, MAX_FILE_BYTES),
    ] {
        rlimit::setrlimit(resource, limit, limit)?;
    }
    // macOS knows the limit of address space and refuses to set it.
    #[cfg(target_os = "linux")]
    rlimit::setrlimit(Resource::AS, memory, memory)?;
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
    Ok(())
}

/// What only Linux offers.
#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::io;

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset,
        RulesetAttr as _, RulesetStatus, Scope,
    };
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

    use super::Confinement;

    /// Memory, reading and writing what is open, time, dying. No sockets, no files, no processes.
    const ALLOWED: [i64; 27] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_lseek,
        libc::SYS_fstat,
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    pub(super) fn lock() -> io::Result<Confinement> {
        // Landlock first: its own system calls are not among the allowed ones.
        Ok(Confinement {
            landlock: landlock().map_err(io::Error::other)?,
            seccomp: seccomp()?,
        })
    }

    /// Handles every right this kernel knows and grants none.
    fn landlock() -> Result<bool, landlock::RulesetError> {
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V7))?
            .handle_access(AccessNet::from_all(ABI::V7))?
            .scope(Scope::from_all(ABI::V7))?
            .create()?
            .restrict_self()?;
        Ok(status.ruleset != RulesetStatus::NotEnforced)
    }

    /// Refused calls answer `EPERM` and do not kill, so that a library that tries something
    /// optional can go on without it.
    fn seccomp() -> io::Result<bool> {
        let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
            return Ok(false);
        };
        let rules: BTreeMap<i64, Vec<_>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        let refuse = SeccompAction::Errno(libc::EPERM as u32);
        let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)
            .map_err(io::Error::other)?;
        let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
        seccompiler::apply_filter(&program).map_err(io::Error::other)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_its_bytes_are_answered() {
        let request = Request {
            file_name: "a.txt".into(),
            document_type: DocumentType::Text,
            charset: None,
            length: 5,
        };
        let mut input = serde_json::to_vec(&request).unwrap();
        input.extend_from_slice(b"\nhello and more than was announced");
        let document = answer(input.as_slice()).unwrap().unwrap();
        assert_eq!(document.text(), "hello");
    }

    /// Both locks bind the thread that takes them, so a thread of the test can be locked.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_locked_thread_reaches_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let tried = std::thread::spawn(move || {
            let confinement = linux::lock().unwrap();
            let reached = [
                std::fs::read("/proc/self/environ").is_ok(),
                std::fs::read_dir("/").is_ok(),
                std::fs::write("/tmp/t11-escaped", b"x").is_ok(),
                std::net::TcpStream::connect(address).is_ok(),
                std::net::UdpSocket::bind("127.0.0.1:0").is_ok(),
                std::process::Command::new("/bin/true").spawn().is_ok(),
            ];
            (confinement, reached)
        });
        let (confinement, reached) = tried.join().unwrap();
        assert!(confinement.seccomp);
        assert_eq!(reached, [false; 6]);
    }

    #[test]
    fn a_broken_conversation_is_an_error() {
        assert!(answer(&b"{}\n"[..]).is_err());
        assert!(answer(&b""[..]).is_err());
    }
}
