use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

use super::*;

const DER: &[u8] = b"\x30\x03abc";

fn pem(label: &str) -> String {
    format!("-----BEGIN {label}-----\nMAN\nhYmM=\n-----END {label}-----\n")
}

#[test]
fn the_lax_grammar() {
    let usual = pem("CERTIFICATE");
    let texts = [
        usual.clone(),
        usual.replace('\n', "\r\n"),
        usual.replace('\n', "\r"),
        usual.replace('\n', ""),
        usual.replace('\n', " "),
        usual.replace('\n', "\n\n"),
        usual.replace('\n', " \t\n"),
        usual.replace('\n', "\n    "),
        usual.replace('\n', "\n\t"),
        usual.replace('\n', "\x0b\x0c\n"),
        usual.trim_end().to_string(),
        usual.replace('=', ""),
        usual.replace("YmM=", "YmN="),
        usual.replace("M=", "M =\n "),
        format!("\u{feff}{usual}"),
        format!("subject=CN = a - b -- c\n---\n{usual}text after it\0\0"),
        format!("{}{usual}", pem("X509 CRL")),
        format!("{}{}", pem("PRIVATE KEY"), usual.replace("MAN", "M A N")),
        pem("X509 CERTIFICATE"),
        pem("X.509 CERTIFICATE"),
    ];
    for text in texts {
        assert_eq!(certificates(text.as_bytes()).as_deref(), Ok(&[DER.to_vec()][..]), "{text:?}");
    }
    let two = usual.replace('\n', "").repeat(2);
    assert_eq!(certificates(two.as_bytes()), Ok(vec![DER.to_vec(); 2]));
}

#[test]
fn keys_by_their_labels() {
    for (label, form) in
        [("PRIVATE KEY", KeyForm::Pkcs8), ("RSA PRIVATE KEY", KeyForm::Pkcs1), ("EC PRIVATE KEY", KeyForm::Sec1)]
    {
        let text = format!("{}{}{}", pem("CERTIFICATE"), pem("EC PARAMETERS"), pem(label));
        assert_eq!(private_key(text.as_bytes()), Ok((form, DER.to_vec())), "{label}");
    }
    // The first one counts.
    let two = pem("EC PRIVATE KEY") + &pem("PRIVATE KEY");
    assert_eq!(private_key(two.as_bytes()).unwrap().0, KeyForm::Sec1);
}

#[test]
fn what_is_no_certificate() {
    let usual = pem("CERTIFICATE");
    let body = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes();
    let cut = "it is cut short: the END CERTIFICATE line is missing or not complete";
    let cases: &[(Vec<u8>, &str)] = &[
        (Vec::new(), "it is empty"),
        (b" \r\n\0".to_vec(), "it is empty"),
        (b"MAMhYmM=\n".to_vec(), "it is not PEM: the BEGIN CERTIFICATE line is missing"),
        (b"\x30\x82\x01\x0a\x30\x82".to_vec(), "it is DER, not PEM: openssl x509 -inform der converts it"),
        (b"\x30\x81\x80\x30".to_vec(), "it is DER, not PEM: openssl x509 -inform der converts it"),
        (DER.to_vec(), "it is DER, not PEM: openssl x509 -inform der converts it"),
        (b"\x30\x82\x09\x0a\x02\x01\x03".to_vec(), "it is a PKCS #12 file, not PEM: openssl pkcs12 -nodes converts it"),
        (b"0 bytes\n".to_vec(), "it is not PEM: the BEGIN CERTIFICATE line is missing"),
        (b"\xff\xfe-\0-\0-\0-\0-\0B\0".to_vec(), "it is UTF-16 text: save it as ASCII or UTF-8"),
        (b"\0-\0-\0-\0-\0-\0B".to_vec(), "it is UTF-16 text: save it as ASCII or UTF-8"),
        (usual.replace("-----", "----").into_bytes(), "it has no BEGIN with five hyphens before and after the label"),
        (
            usual.replace("CERTIFICATE-----\nM", "CERTIFICATE\nM").into_bytes(),
            "line 1: BEGIN without a label and five hyphens after it",
        ),
        (b"text\r\n-----BEGIN -----".to_vec(), "line 2: BEGIN without a label and five hyphens after it"),
        (pem(&"X".repeat(65)).into_bytes(), "line 1: BEGIN without a label and five hyphens after it"),
        (b"-----BEGIN CERTIFICATE".to_vec(), "line 1: BEGIN without a label and five hyphens after it"),
        (usual.split("-----END").next().unwrap().as_bytes().to_vec(), cut),
        (usual.trim_end().strip_suffix("ATE-----").unwrap().as_bytes().to_vec(), cut),
        (usual.trim_end().strip_suffix('-').unwrap().as_bytes().to_vec(), cut),
        (usual.split("END").next().unwrap().as_bytes().to_vec(), cut),
        (format!("{}{usual}", usual.split("-----END").next().unwrap()).into_bytes(), cut),
        (
            usual.replace("END CERTIFICATE", "END PRIVATE KEY").into_bytes(),
            "what begins as CERTIFICATE ends as PRIVATE KEY",
        ),
        (body(""), "there is nothing between BEGIN and END CERTIFICATE"),
        (body("MAMh\r\nYm\rM!"), "line 4 has a character that is not Base64"),
        (body("MAMh\nYm-----M="), "line 3 has a character that is not Base64"),
        (body("MA=MhYmM"), "the Base64 text of the CERTIFICATE is cut short"),
        (body("MAMhY"), "the Base64 text of the CERTIFICATE is cut short"),
        (usual.replace('\n', "\\n").into_bytes(), "it has a backslash and an n where lines should end"),
        (pem("PRIVATE KEY").into_bytes(), "it holds PRIVATE KEY, not CERTIFICATE"),
        (pem("CERTIFICATE REQUEST").into_bytes(), "it holds CERTIFICATE REQUEST, not CERTIFICATE"),
        (pem("TRUSTED CERTIFICATE").into_bytes(), "it holds TRUSTED CERTIFICATE, not CERTIFICATE"),
        // A good one does not excuse a bad one.
        (format!("{usual}{}", usual.split("-----END").next().unwrap()).into_bytes(), cut),
    ];
    for (text, words) in cases {
        let said = certificates(text).unwrap_err().to_string();
        assert_eq!(said, *words, "{}", text.escape_ascii());
    }
}

/// A collection is not worth less for one that is broken.
#[test]
fn what_is_left_of_a_collection() {
    let (usual, broken) = (pem("CERTIFICATE"), pem("CERTIFICATE").replace("MAN", "MA!N"));
    let text = format!("{usual}{broken}{}{usual}-----BEGIN CERTIFICATE-----\nMAN", pem("X509 CRL"));
    assert_eq!(readable_certificates(text.as_bytes()), (vec![DER.to_vec(); 2], 2));
    assert_eq!(readable_certificates(b"nothing"), (Vec::new(), 0));
}

#[test]
fn what_is_no_private_key() {
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAMhYmM=\n\
               -----END RSA PRIVATE KEY-----\n";
    let encrypted = "the private key is encrypted: openssl pkey removes the passphrase";
    let (usual, both) = (pem("PRIVATE KEY"), pem("CERTIFICATE") + &pem("ENCRYPTED PRIVATE KEY"));
    let cases: &[(&str, &str)] = &[
        (&both, encrypted),
        (old, encrypted),
        (&pem("OPENSSH PRIVATE KEY"), "the private key is in OpenSSH's form: ssh-keygen -p -m PKCS8 converts it"),
        (&pem("PUBLIC KEY"), "it holds PUBLIC KEY, not PRIVATE KEY"),
        (&pem("CERTIFICATE"), "it holds CERTIFICATE, not PRIVATE KEY"),
        (&pem("DSA PRIVATE KEY"), "it holds DSA PRIVATE KEY, not PRIVATE KEY"),
        (&pem("EC PARAMETERS"), "it holds EC PARAMETERS, not PRIVATE KEY"),
        ("\x30\x03abc", "it is DER, not PEM: openssl pkey -inform der converts it"),
        ("ssh-ed25519 AAAA", "it is not PEM: the BEGIN PRIVATE KEY line is missing"),
        (
            usual.split("-----END").next().unwrap(),
            "it is cut short: the END PRIVATE KEY line is missing or not complete",
        ),
    ];
    for (text, words) in cases {
        assert_eq!(private_key(text.as_bytes()).unwrap_err().to_string(), *words, "{text}");
    }
}

/// Whatever is read, no word shows what is between the boundaries.
#[test]
fn no_error_shows_a_secret() {
    for text in
        ["-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nhunter2"]
    {
        let said = format!("{0} {0:?}", private_key(text.as_bytes()).unwrap_err());
        assert!(!said.contains("hunter2"), "{said}");
    }
}
