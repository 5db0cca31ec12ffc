//! The options of control.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{Options, Token, Where};

/// Whether and how a run can be reached into.
#[derive(Args, Clone, Default)]
pub(crate) struct ControlArgs {
    /// Answer programs, `quasimodem ctl` and browsers over HTTP: on PORT of 127.0.0.1, on ADDR:PORT, or at the socket
    /// unix:PATH, which only you can open. Port 0 takes a free one, which is printed.
    ///
    /// docs/CONTROL.md has what can be asked and told. An address that other machines can reach needs --control-token-file.
    #[arg(long, value_name = "PORT|ADDR:PORT|unix:PATH")]
    control: Option<Where>,

    /// Answer only those who show the token in this file: one line of 16 letters and digits at least, which only you can
    /// read. As in Authorization: Bearer TOKEN.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    control_token_file: Option<PathBuf>,

    /// Tell what happens, and change nothing.
    #[arg(long)]
    control_read_only: bool,

    /// Answer requests for this HOST or HOST:PORT too, as a proxy or a container passes them on. Repeatable.
    #[arg(long, value_name = "HOST[:PORT]")]
    control_host: Vec<String>,
}

impl ControlArgs {
    /// What control is to be; a configuration file may say where it is, and where its token is.
    pub(crate) fn options(self, at: Option<Where>, token: Option<PathBuf>) -> Result<Option<Options>, String> {
        let ControlArgs { control, control_token_file, control_read_only, control_host } = self;
        let Some(at) = control.or(at) else {
            let asked = [
                (control_token_file.is_some(), "--control-token-file"),
                (control_read_only, "--control-read-only"),
                (!control_host.is_empty(), "--control-host"),
            ];
            return match asked.into_iter().find(|(is_there, _)| *is_there) {
                Some((_, option)) => Err(format!("{option} means nothing without --control")),
                None => Ok(None),
            };
        };
        let token = control_token_file.or(token).as_deref().map(Token::read).transpose()?;
        Options::new(at, token, control_read_only, control_host).map(Some)
    }
}
