//! A client of control.

use std::fmt::Write as _;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};

use super::found::{Address, Target};
use crate::control::BASE;
use crate::print;

/// Why nothing came of it, in words.
#[derive(Debug)]
pub(super) enum Failed {
    /// It was asked in a way that can't be.
    Usage(String),
    /// Nobody answers.
    Nobody(String),
    /// The run says no.
    Refused(String),
}

/// A client, with a connection of its own for each request.
pub(super) struct Client {
    runtime: Runtime,
    target: Target,
}

impl Client {
    pub(super) fn connect(target: Target) -> Result<Client, Failed> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failed::Nobody(format!("can't start: {error}")))?;
        Ok(Client { runtime, target })
    }

    /// Asks, and reads the answer as JSON.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: Option<&Json>) -> Result<Json, Failed> {
        let text = self.text(method, path, body)?;
        serde_json::from_str(&text).map_err(|_| self.target.nobody("what answers there is no control of quasimodem"))
    }

    /// Asks, and reads the answer.
    pub(super) fn text(&mut self, method: &str, path: &str, body: Option<&Json>) -> Result<String, Failed> {
        Ok(String::from_utf8_lossy(&self.bytes(method, path, body)?).into_owned())
    }

    /// The same, whatever it is.
    pub(super) fn bytes(&mut self, method: &str, path: &str, body: Option<&Json>) -> Result<Vec<u8>, Failed> {
        let target = &self.target;
        self.runtime.block_on(async {
            let answer = send(target, method, path, body, "application/json").await?;
            let status = answer.status();
            let bytes =
                answer.into_body().collect().await.map_err(|error| target.nobody(&error.to_string()))?.to_bytes();
            match status.is_success() {
                true => Ok(bytes.into()),
                false => Err(refused(target, status, &String::from_utf8_lossy(&bytes))),
            }
        })
    }

    /// Prints a stream of events until it ends.
    pub(super) fn follow(&mut self, path: &str) -> Result<std::process::ExitCode, Failed> {
        let target = &self.target;
        self.runtime.block_on(async {
            let mut answer = send(target, "GET", path, None, "text/event-stream").await?;
            if !answer.status().is_success() {
                let status = answer.status();
                let text =
                    answer.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                return Err(refused(target, status, &String::from_utf8_lossy(&text)));
            }
            let mut rest = Vec::new();
            while let Some(frame) = answer.body_mut().frame().await {
                let Ok(frame) = frame else { break };
                rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    if let Some(data) = line.strip_prefix(b"data: ") {
                        print(data);
                    }
                }
            }
            Ok(std::process::ExitCode::SUCCESS)
        })
    }
}

async fn send(
    target: &Target,
    method: &str,
    path: &str,
    body: Option<&Json>,
    accept: &str,
) -> Result<Response<Incoming>, Failed> {
    let mut request = Request::builder().method(method).uri(format!("{BASE}{path}")).header(header::ACCEPT, accept);
    request = request.header(header::HOST, target.host());
    if let Some(token) = target.token() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = body.map(Json::to_string);
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())));
    let request = request.map_err(|error| Failed::Usage(error.to_string()))?;
    let nobody = |error: std::io::Error| target.nobody(&error.to_string());
    match target.address() {
        Address::Tcp(at) => talk(target, TcpStream::connect(at).await.map_err(nobody)?, request).await,
        Address::Unix(path) => talk(target, UnixStream::connect(path).await.map_err(nobody)?, request).await,
    }
}

async fn talk<S>(target: &Target, stream: S, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let nobody = |error: hyper::Error| target.nobody(&error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(nobody)?;
    // It ends with the answer.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(nobody)
}

/// What a problem says.
fn refused(target: &Target, status: StatusCode, text: &str) -> Failed {
    let problem: Json = serde_json::from_str(text).unwrap_or_default();
    let Some(detail) = problem.get("detail").and_then(Json::as_str) else {
        return target.nobody(&format!("what answers there says {status}, and is no control of quasimodem"));
    };
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Failed::Usage(detail.into()),
        _ => Failed::Refused(detail.into()),
    }
}

/// A part of a path or a query.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
