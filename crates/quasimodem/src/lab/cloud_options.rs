//! Which clouds to stand in for, and with which devices: the options and the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use quasimodem_lab::cloud::{BadEntry, Cloud, Device, Fault, Parameters, Product, Registry, Timing, samples};
use toml::de::{DeTable, DeValue};

/// How to stand in for clouds.
#[derive(Args, Default)]
pub(crate) struct CloudArgs {
    /// Stand in for these clouds, or all: alibaba, tencent, huawei, tuya, onenet, baidu, amazon, aep, unicom.
    ///
    /// They check what devices show as the real ones do, and register and activate them. The modem finds them under the real
    /// names and ports, and trusts their certificates.
    #[arg(long, value_name = "NAME[,NAME]|all", value_delimiter = ',', value_parser = parse_clouds)]
    cloud: Vec<Clouds>,

    /// Read the products and devices of the clouds from a TOML file; without it there are some to try things with.
    ///
    /// `[[device]]` holds cloud and what AT+MQTTAUTHCFG takes, by the manual's names: productkey, devicename, devicesecret …;
    /// without a secret the device registers itself. allowed = false refuses it with 5. `[[product]]` holds cloud, productkey
    /// and productsecret; open = true lets devices register that are not named; encryptiontype = 1 gives them certificates
    /// (Tencent).
    #[arg(long, value_name = "FILE", requires = "cloud", value_hint = ValueHint::FilePath)]
    cloud_devices: Option<PathBuf>,

    /// Write where the clouds are to a file, for modems of other processes: quasimodem run --config FILE.
    #[arg(long, value_name = "FILE", requires = "cloud", value_hint = ValueHint::FilePath)]
    cloud_map: Option<PathBuf>,

    /// Spoil answers to registrations: slow=MS, silent, truncated=BYTES, chunked, status=CODE or garbage; all, or so many.
    /// Repeatable, one after the other. chunked and status are for HTTP only.
    #[arg(long, value_name = "FAULT[:TIMES]", requires = "cloud", value_parser = parse_fault)]
    cloud_fault: Vec<(Fault, Option<u32>)>,

    /// How many milliseconds a Tuya device waits for its user, or never.
    #[arg(long, value_name = "MS|never", requires = "cloud", value_parser = parse_delay)]
    tuya_scan: Option<Delay>,

    /// After how many milliseconds its user removes an activated Tuya device.
    #[arg(long, value_name = "MS|never", requires = "cloud", value_parser = parse_delay)]
    tuya_unbind: Option<Delay>,
}

/// What was asked for, checked.
pub(crate) struct CloudOptions {
    pub(super) clouds: Vec<Cloud>,
    pub(super) registry: Registry,
    /// Whether the devices are those of the examples.
    pub(super) samples: bool,
    /// Where to write the host map.
    pub(super) map: Option<PathBuf>,
    /// Where the root is kept.
    pub(super) directory: Option<PathBuf>,
}

/// One cloud, or all.
#[derive(Clone)]
struct Clouds(Vec<Cloud>);

#[derive(Clone, Copy)]
struct Delay(Option<Duration>);

impl CloudArgs {
    /// Reads the file, if there is one; `None`: no cloud is asked for. The error is a sentence that names the file and the
    /// line.
    pub(crate) fn options(self, directory: Option<PathBuf>) -> Result<Option<CloudOptions>, String> {
        let CloudArgs { cloud, cloud_devices, cloud_map, cloud_fault, tuya_scan, tuya_unbind } = self;
        let mut clouds: Vec<Cloud> = cloud.into_iter().flat_map(|Clouds(clouds)| clouds).collect();
        clouds.sort_unstable();
        clouds.dedup();
        if clouds.is_empty() {
            return Ok(None);
        }
        let registry = Registry::new(SEED);
        let usual = Timing::default();
        registry.set_timing(Timing {
            scan: tuya_scan.map_or(usual.scan, |Delay(delay)| delay),
            unbind: tuya_unbind.map_or(usual.unbind, |Delay(delay)| delay),
        });
        cloud_fault.into_iter().for_each(|(fault, times)| registry.spoil(fault, times));
        match &cloud_devices {
            Some(path) => read(path, &registry)?,
            None => {
                let (products, devices) = samples();
                let products = products.into_iter().map(|product| registry.add_product(product));
                let devices = devices.into_iter().map(|device| registry.add_device(device));
                products.chain(devices).collect::<Result<(), BadEntry>>().map_err(|error| error.to_string())?;
            }
        }
        Ok(Some(CloudOptions { clouds, registry, samples: cloud_devices.is_none(), map: cloud_map, directory }))
    }
}

/// Reads products and devices.
fn read(path: &Path, registry: &Registry) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
    let line = |at: usize| 1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    parse(&text, registry).map_err(|(at, words)| format!("{}:{}: {words}", path.display(), line(at)))
}

/// Where it went wrong, and what is wrong.
type Mistake = (usize, String);

fn parse(text: &str, registry: &Registry) -> Result<(), Mistake> {
    let file = DeTable::parse(text)
        .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().replace('\n', "; ")))?;
    if file.get_ref().is_empty() {
        return Err((0, "nothing is in it, expected [[product]] or [[device]]".into()));
    }
    for (kind, entries) in file.get_ref() {
        let at = kind.span().start;
        let kind = kind.get_ref().as_ref();
        let DeValue::Array(entries) = entries.get_ref() else {
            return Err((at, format!("expected [[product]] or [[device]], got {kind}")));
        };
        if entries.is_empty() {
            return Err((at, format!("nothing is in {kind}, expected [[{kind}]]")));
        }
        for entry in entries {
            let at = entry.span().start;
            let DeValue::Table(table) = entry.get_ref() else { return Err((at, "expected a table".into())) };
            let fields = Fields::read(table, at)?;
            match kind {
                "product" => registry.add_product(fields.product()?),
                "device" => registry.add_device(fields.device()?),
                _ => return Err((at, format!("there is no [[{kind}]]; there are [[product]] and [[device]]"))),
            }
            .map_err(|error| (at, error.to_string()))?;
        }
    }
    Ok(())
}

/// The fields of an entry, which are taken out one by one.
struct Fields {
    at: usize,
    cloud: Cloud,
    all: BTreeMap<String, (usize, Field)>,
}

enum Field {
    Text(String),
    Flag(bool),
    Number(String),
}

impl Fields {
    fn read(table: &DeTable<'_>, at: usize) -> Result<Fields, Mistake> {
        let mut all = BTreeMap::new();
        for (key, value) in table {
            let field = match value.get_ref() {
                DeValue::String(text) => Field::Text(text.as_ref().into()),
                DeValue::Boolean(flag) => Field::Flag(*flag),
                DeValue::Integer(number) => Field::Number(number.as_str().into()),
                _ => return Err((value.span().start, "expected a text".into())),
            };
            all.insert(key.get_ref().as_ref().to_owned(), (key.span().start, field));
        }
        let cloud = match all.remove("cloud") {
            Some((at, Field::Text(name))) => {
                Cloud::by_name(&name).ok_or((at, format!("there is no cloud {name:?}")))?
            }
            _ => return Err((at, "cloud is missing".into())),
        };
        Ok(Fields { at, cloud, all })
    }

    fn text(&mut self, name: Option<&str>) -> Result<Box<str>, Mistake> {
        match name.and_then(|name| self.all.remove(name)) {
            None => Ok(Box::default()),
            Some((_, Field::Text(text))) => Ok(text.into()),
            Some((at, _)) => Err((at, "expected a text".into())),
        }
    }

    fn flag(&mut self, name: &str, usual: bool) -> Result<bool, Mistake> {
        match self.all.remove(name) {
            None => Ok(usual),
            Some((_, Field::Flag(flag))) => Ok(flag),
            Some((at, _)) => Err((at, "expected true or false".into())),
        }
    }

    fn product(mut self) -> Result<Product, Mistake> {
        let key = self.text(Parameters::of(self.cloud).and_then(|names| names.product))?;
        let secret = self.text(Some("productsecret"))?;
        let open = self.flag("open", false)?;
        let certificates = match self.all.remove("encryptiontype") {
            None => false,
            Some((at, _)) if self.cloud != Cloud::Tencent => {
                return Err((at, format!("{} has no encryptiontype here", self.cloud)));
            }
            Some((_, Field::Number(number))) if matches!(&*number, "1" | "2") => number == "1",
            Some((at, _)) => return Err((at, "expected 1 or 2".into())),
        };
        let product = Product { cloud: self.cloud, key, secret, open, certificates };
        self.end(product)
    }

    fn device(mut self) -> Result<Device, Mistake> {
        let Some(names) = Parameters::of(self.cloud) else {
            return Err((self.at, format!("{} knows devices by their certificates", self.cloud)));
        };
        let product = self.text(names.product)?;
        let name = self.text(Some(names.name))?;
        let secret = self.text(Some(names.secret))?;
        let account = self.text(names.account)?;
        let allowed = self.flag("allowed", true)?;
        let device = Device { cloud: self.cloud, product, name, secret, account, allowed };
        self.end(device)
    }

    /// What is left is of no use here.
    fn end<T>(self, taken: T) -> Result<T, Mistake> {
        let cloud = self.cloud;
        let left = self.all.into_iter().min_by_key(|(_, (at, _))| *at);
        left.map_or(Ok(taken), |(name, (at, _))| Err((at, format!("{cloud} has no {name} here"))))
    }
}

fn parse_clouds(text: &str) -> Result<Clouds, String> {
    if text == "all" {
        return Ok(Clouds(Cloud::ALL.into()));
    }
    let cloud = Cloud::by_name(text).ok_or_else(|| {
        let names: Vec<&str> = Cloud::ALL.into_iter().map(Cloud::name).collect();
        format!("expected all or some of {}", names.join(","))
    })?;
    Ok(Clouds(vec![cloud]))
}

fn parse_fault(text: &str) -> Result<(Fault, Option<u32>), &'static str> {
    let expected = "expected slow=MS, silent, truncated=BYTES, chunked, status=CODE or garbage, or one with a number of times, \
                    such as status=503:2";
    let (kind, times) = text.split_once(':').map_or((text, None), |(kind, times)| (kind, Some(times)));
    let times = times.map(|times| times.parse().ok().filter(|times| *times > 0).ok_or(expected)).transpose()?;
    let fault = match kind.split_once('=') {
        None => match kind {
            "silent" => Some(Fault::Silent),
            "chunked" => Some(Fault::Chunked),
            "garbage" => Some(Fault::Garbage),
            _ => None,
        },
        Some(("slow", time)) => time.parse().ok().map(|time| Fault::Slow(Duration::from_millis(time))),
        Some(("truncated", bytes)) => bytes.parse().ok().map(Fault::Truncated),
        Some(("status", code)) => code.parse().ok().filter(|code| (100..=999).contains(code)).map(Fault::Status),
        Some(_) => None,
    };
    Ok((fault.ok_or(expected)?, times))
}

fn parse_delay(text: &str) -> Result<Delay, &'static str> {
    match text {
        "never" => Ok(Delay(None)),
        _ => match text.parse() {
            Ok(millis) => Ok(Delay(Some(Duration::from_millis(millis)))),
            Err(_) => Err("expected milliseconds or never"),
        },
    }
}

/// What the stand-ins think of is the same each time.
const SEED: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Registry, Mistake> {
        let registry = Registry::new(1);
        parse(text, &registry).map(|()| registry)
    }

    #[test]
    fn products_and_devices() {
        let registry = parsed(
            r#"
            [[product]]
            cloud = "tencent"
            productkey = "P"
            productsecret = "0123456789abcdef"
            open = true
            encryptiontype = 1

            [[device]]
            cloud = "aep"
            productid = "1"
            devicenumber = "2"
            token = "t"
            aepusername = "u"
            allowed = false
            "#,
        )
        .unwrap();
        let product = &registry.products()[0];
        assert_eq!((&*product.key, product.open, product.certificates), ("P", true, true));
        let device = &registry.devices()[0];
        assert_eq!((&*device.product, &*device.name, &*device.account, device.allowed), ("1", "2", "u", false));
    }

    #[test]
    fn mistakes_are_told() {
        for (text, words) in [
            ("# x = 1\n", "nothing is in it, expected [[product]] or [[device]]"),
            ("device = []", "nothing is in device, expected [[device]]"),
            (
                "[[product]]\ncloud = \"alibaba\"\nproductkey = \"p\"\nproductsecret = \"s\"\nencryptiontype = 1",
                "alibaba has no encryptiontype here",
            ),
            ("x = 1", "expected [[product]] or [[device]], got x"),
            ("[[x]]\ncloud = \"aep\"", "there is no [[x]]; there are [[product]] and [[device]]"),
            ("[[device]]\nname = \"x\"", "cloud is missing"),
            ("[[device]]\ncloud = \"x\"", "there is no cloud \"x\""),
            ("[[device]]\ncloud = \"amazon\"", "amazon knows devices by their certificates"),
            ("[[device]]\ncloud = \"huawei\"\ndevicesecret = \"s\"", "deviceid is missing"),
            ("[[device]]\ncloud = \"huawei\"\ndeviceid = 1", "expected a text"),
            ("[[device]]\ncloud = \"huawei\"\ndeviceid = \"d\"\ndevicename = \"d\"", "huawei has no devicename here"),
            ("[[device]]\ncloud = \"huawei\"\ndeviceid = \"d\"\nallowed = \"no\"", "expected true or false"),
            ("[[product]]\ncloud = \"tencent\"\nproductkey = \"p\"\nencryptiontype = 3", "expected 1 or 2"),
            ("[[product]]\ncloud = \"tencent\"\nproductkey = \"p\"", "productsecret has less than 16 bytes"),
        ] {
            assert_eq!(parsed(text).unwrap_err().1, words, "{text}");
        }
        assert!(parsed("[[").is_err());
    }

    #[test]
    fn faults_and_delays() {
        assert_eq!(parse_fault("slow=5:2"), Ok((Fault::Slow(Duration::from_millis(5)), Some(2))));
        assert_eq!(parse_fault("status=503"), Ok((Fault::Status(503), None)));
        assert_eq!(parse_fault("truncated=0:1"), Ok((Fault::Truncated(0), Some(1))));
        for wrong in ["", "slow", "slow=", "slow=x", "silent=1", "status=99", "status=1000", "chunked:0", "garbage:x"] {
            assert!(parse_fault(wrong).is_err(), "{wrong}");
        }
        assert!(parse_delay("never").unwrap().0.is_none() && parse_delay("-1").is_err());
    }
}
