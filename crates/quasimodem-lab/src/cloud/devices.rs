//! What a cloud knows: its products and devices, what it gave them, and what it has seen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Cloud;
use super::order::Demand;
use super::signature::{base64, from_base64, hex};
use super::{seal, tuya};
use crate::broker::Announcement;
use crate::random::Random;

/// A kind of devices that share a secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Product {
    /// Whose.
    pub cloud: Cloud,
    /// Its key or id.
    pub key: Box<str>,
    /// What its devices register themselves with; at OneNET the access key of the product.
    pub secret: Box<str>,
    /// Whether devices that nobody has named may register themselves.
    pub open: bool,
    /// Whether a registered device gets a certificate in place of a key (Tencent).
    pub certificates: bool,
}

/// A device. `Debug` does not show its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// Whose.
    pub cloud: Cloud,
    /// The key or id of its product; empty where devices have none.
    pub product: Box<str>,
    /// Its name, id, UUID, key or number.
    pub name: Box<str>,
    /// Its secret, key or token. Empty: the cloud thinks of one when the device registers itself.
    pub secret: Box<str>,
    /// The name of the account that it belongs to (AEP). Empty: any.
    pub account: Box<str>,
    /// Whether the right credentials let it in. If not, they are answered with 5.
    pub allowed: bool,
}

/// What the manual calls that of which a cloud's devices are made (manual 1.17, 1.18).
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    /// [`Product::key`] and [`Device::product`].
    pub product: Option<&'static str>,
    /// [`Device::name`].
    pub name: &'static str,
    /// [`Device::secret`].
    pub secret: &'static str,
    /// [`Device::account`].
    pub account: Option<&'static str>,
}

/// Why a product or device is not taken in. The text is the name of a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadEntry {
    /// It is needed, and it is empty.
    Empty(&'static str),
    /// It is a key, and it is not base64.
    NotBase64(&'static str),
    /// It is a key of AES-128, and has less than 16 bytes.
    TooShort(&'static str),
    /// There is one like this.
    Twice,
    /// There are too many.
    TooMany,
}

/// When people do what clouds wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// How long after a device of Tuya waits for it a user takes the device; `None`: never.
    pub scan: Option<Duration>,
    /// How long after an activated device of Tuya is there its user removes it; `None`: never.
    pub unbind: Option<Duration>,
}

/// How an answer to a registration, or to any other request over HTTP, is spoiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It takes so long.
    Slow(Duration),
    /// There is none; over HTTP the connection stays open.
    Silent,
    /// It ends after so many bytes, over HTTP with the connection.
    Truncated(usize),
    /// Over HTTP: it comes in chunks of a few bytes.
    Chunked,
    /// Over HTTP: it has another status and no body.
    Status(u16),
    /// It is noise.
    Garbage,
}

/// What the stand-ins of the clouds know, shared by all that hold a clone. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Registry(Arc<Mutex<State>>);

impl Registry {
    /// Devices at most, those that register themselves included.
    pub const DEVICES: usize = 10_000;

    /// A registry of nobody. What it thinks of comes from the seed.
    pub fn new(seed: u64) -> Registry {
        Registry(Arc::new(Mutex::new(State {
            products: BTreeMap::new(),
            devices: BTreeMap::new(),
            timing: Timing::default(),
            faults: Vec::new(),
            demands: BTreeMap::new(),
            seen: Seen::default(),
            random: Random::new(seed),
            root: Box::default(),
        })))
    }

    /// Takes a product in.
    pub fn add_product(&self, product: Product) -> Result<(), BadEntry> {
        product.check()?;
        let mut state = self.lock();
        let key = (product.cloud, product.key.clone());
        if state.products.contains_key(&key) {
            return Err(BadEntry::Twice);
        }
        if state.products.len() >= Registry::DEVICES {
            return Err(BadEntry::TooMany);
        }
        state.products.insert(key, product);
        Ok(())
    }

    /// Takes a device in.
    pub fn add_device(&self, device: Device) -> Result<(), BadEntry> {
        device.check()?;
        self.lock().insert(device)
    }

    /// Sets when people do what clouds wait for.
    pub fn set_timing(&self, timing: Timing) {
        self.lock().timing = timing;
    }

    /// The root that devices of Tuya are told to trust: a certificate in DER.
    pub fn set_root(&self, der: &[u8]) {
        self.lock().root = der.into();
    }

    /// Spoils the answers to come: so many, or all. Faults are used up one after the other.
    pub fn spoil(&self, fault: Fault, times: Option<u32>) {
        if times != Some(0) {
            self.lock().faults.push((fault, times));
        }
    }

    /// Spoils nothing any more.
    pub fn spoil_nothing(&self) {
        self.lock().faults.clear();
    }

    /// A user takes a device of Tuya now, with this token, whose first two letters are the region: what the device is to be
    /// told by [`Broker::tell`](crate::broker::Broker::tell). `None`: there is no such device, or no such region.
    pub fn scan(&self, uuid: &str, token: &str, time: i64) -> Option<Announcement> {
        tuya::scanned(&mut self.lock(), uuid, token, time)
    }

    /// A user removes an activated device of Tuya now: what the device is to be told. `None`: there is no such device.
    pub fn unbind(&self, id: &str, time: i64) -> Option<Announcement> {
        tuya::removed(&mut self.lock(), id, time)
    }

    /// The products, in the order of clouds and keys.
    pub fn products(&self) -> Vec<Product> {
        self.lock().products.values().cloned().collect()
    }

    /// The devices, in the order of clouds and names.
    pub fn devices(&self) -> Vec<Device> {
        self.lock().devices.values().map(|entry| entry.device.clone()).collect()
    }

    /// Where to find it, never held over a call from outside.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An announcement as the next fault leaves it.
    pub(super) fn spoiled(&self, mut announcement: Announcement) -> Option<Announcement> {
        let mut state = self.lock();
        match state.fault(false) {
            Some(Fault::Silent) => return None,
            Some(Fault::Slow(time)) => announcement.after += time,
            Some(Fault::Truncated(len)) => {
                announcement.payload = announcement.payload.get(..len).unwrap_or(&announcement.payload).into();
            }
            Some(Fault::Garbage) => announcement.payload = state.noise().into(),
            Some(Fault::Chunked | Fault::Status(_)) | None => {}
        }
        Some(announcement)
    }
}

impl Parameters {
    /// What the manual calls the parts of a cloud's devices; `None`: it knows them by their certificates.
    pub const fn of(cloud: Cloud) -> Option<Parameters> {
        let (product, name, secret, account) = match cloud {
            Cloud::Alibaba | Cloud::Tencent => (Some("productkey"), "devicename", "devicesecret", None),
            Cloud::Huawei => (None, "deviceid", "devicesecret", None),
            Cloud::Tuya => (Some("productkey"), "uuid", "authkey", None),
            Cloud::OneNet => (Some("productid"), "devicename", "accesskey", None),
            Cloud::Baidu => (Some("iotcoreid"), "devicekey", "devicesecret", None),
            Cloud::Amazon => return None,
            Cloud::Aep => (Some("productid"), "devicenumber", "token", Some("aepusername")),
            Cloud::Unicom => (Some("productkey"), "devicekey", "devicesecret", None),
        };
        Some(Parameters { product, name, secret, account })
    }
}

impl Product {
    fn check(&self) -> Result<(), BadEntry> {
        const SECRET: &str = "productsecret";
        if self.key.is_empty() {
            return Err(BadEntry::Empty(
                Parameters::of(self.cloud).and_then(|names| names.product).unwrap_or("productkey"),
            ));
        }
        match self.cloud {
            Cloud::Tencent if seal::key(&self.secret).is_none() => Err(BadEntry::TooShort(SECRET)),
            Cloud::OneNet if from_base64(&self.secret).is_none() => Err(BadEntry::NotBase64(SECRET)),
            _ if self.secret.is_empty() => Err(BadEntry::Empty(SECRET)),
            _ => Ok(()),
        }
    }
}

impl Device {
    fn check(&self) -> Result<(), BadEntry> {
        let Some(names) = Parameters::of(self.cloud) else { return Err(BadEntry::Empty("certificate")) };
        if let Some(product) = names.product
            && self.product.is_empty()
        {
            return Err(BadEntry::Empty(product));
        }
        if self.name.is_empty() {
            return Err(BadEntry::Empty(names.name));
        }
        let registers = matches!(self.cloud, Cloud::Alibaba | Cloud::Tencent | Cloud::Unicom);
        match self.cloud {
            _ if self.secret.is_empty() && registers => Ok(()),
            _ if self.secret.is_empty() => Err(BadEntry::Empty(names.secret)),
            Cloud::Tencent | Cloud::OneNet if from_base64(&self.secret).is_none() => {
                Err(BadEntry::NotBase64(names.secret))
            }
            Cloud::Tuya if seal::key(&self.secret).is_none() => Err(BadEntry::TooShort(names.secret)),
            _ => Ok(()),
        }
    }
}

/// What a cloud knows. Held for the length of one check.
pub(super) struct State {
    products: BTreeMap<(Cloud, Box<str>), Product>,
    devices: BTreeMap<(Cloud, Box<str>), Entry>,
    pub(super) timing: Timing,
    faults: Vec<(Fault, Option<u32>)>,
    /// What faults demand.
    pub(super) demands: BTreeMap<Box<str>, Demand>,
    seen: Seen,
    random: Random,
    pub(super) root: Box<[u8]>,
}

/// A device, and what the cloud gave it.
pub(super) struct Entry {
    pub(super) device: Device,
    /// What stands in for its secret where it registered itself without being known.
    pub(super) token: Box<str>,
    pub(super) bond: Bond,
}

/// Whether a device of Tuya is a user's.
#[derive(Default)]
pub(super) enum Bond {
    #[default]
    Nobody,
    /// A user took it, and it may be activated until then.
    Offered {
        token: Box<str>,
        until: i64,
    },
    Active(Active),
}

/// What a device of Tuya got at its activation.
#[derive(Clone)]
pub(super) struct Active {
    pub(super) id: Box<str>,
    pub(super) secret_key: Box<str>,
    pub(super) local_key: Box<str>,
}

impl State {
    pub(super) fn product(&self, cloud: Cloud, key: &str) -> Option<&Product> {
        self.products.get(&(cloud, key.into()))
    }

    pub(super) fn device(&mut self, cloud: Cloud, product: &str, name: &str) -> Option<&mut Entry> {
        let entry = self.devices.get_mut(&(cloud, place(cloud, product, name)))?;
        // Where the place does not tell them apart.
        (*entry.device.product == *product && *entry.device.name == *name).then_some(entry)
    }

    /// The device of a cloud that strings product and name together.
    pub(super) fn joined(&mut self, cloud: Cloud, joined: &str) -> Option<&mut Entry> {
        self.devices.get_mut(&(cloud, joined.into()))
    }

    /// The device of Tuya that is active under this id.
    pub(super) fn active(&mut self, id: &str) -> Option<(&mut Entry, Active)> {
        self.devices.values_mut().find_map(|entry| match &entry.bond {
            Bond::Active(active) if *active.id == *id => {
                let active = active.clone();
                Some((entry, active))
            }
            _ => None,
        })
    }

    /// A device that registers itself; one that nobody has named only if its product is open.
    pub(super) fn registering(&mut self, cloud: Cloud, product: &str, name: &str, named: bool) -> Option<&mut Entry> {
        let open = self.product(cloud, product)?.open && !named;
        if open && !name.is_empty() && self.device(cloud, product, name).is_none() {
            let (product, name) = (product.into(), name.into());
            let (secret, account) = (Box::default(), Box::default());
            self.insert(Device { cloud, product, name, secret, account, allowed: true }).ok()?;
        }
        let secret = self.think(cloud);
        let token = hex(&self.bytes::<32>());
        let entry = self.device(cloud, product, name)?;
        if entry.device.secret.is_empty() {
            entry.device.secret = secret.into();
        }
        if entry.token.is_empty() {
            entry.token = token.into();
        }
        Some(entry)
    }

    fn insert(&mut self, device: Device) -> Result<(), BadEntry> {
        let key = (device.cloud, place(device.cloud, &device.product, &device.name));
        if self.devices.contains_key(&key) {
            return Err(BadEntry::Twice);
        }
        if self.devices.len() >= Registry::DEVICES {
            return Err(BadEntry::TooMany);
        }
        self.devices.insert(key, Entry { device, token: Box::default(), bond: Bond::default() });
        Ok(())
    }

    /// Whether this was never shown before, as far as the cloud remembers.
    pub(super) fn is_fresh(&mut self, what: String) -> bool {
        self.seen.is_new(what)
    }

    /// Finds and uses up a fault.
    pub(super) fn fault(&mut self, http: bool) -> Option<Fault> {
        let fits = |fault: &Fault| http || !matches!(fault, Fault::Chunked | Fault::Status(_));
        let Some(index) = self.faults.iter().position(|(fault, _)| fits(fault)) else {
            let mut demands = self.demands.values();
            return demands.find_map(|demand| match demand {
                Demand::Spoil(fault) if fits(fault) => Some(*fault),
                _ => None,
            });
        };
        let (fault, times) = self.faults.get_mut(index)?;
        let fault = *fault;
        if let Some(times) = times {
            *times -= 1;
            if *times == 0 {
                self.faults.remove(index);
            }
        }
        Some(fault)
    }

    pub(super) fn noise(&mut self) -> Vec<u8> {
        self.bytes::<200>().into()
    }

    /// So many letters and digits.
    pub(super) fn letters(&mut self, count: usize) -> String {
        const LETTERS: [u8; 36] = *b"abcdefghijklmnopqrstuvwxyz0123456789";
        (0..count).map(|_| char::from(self.random.pick(LETTERS))).collect()
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        [(); N].map(|()| self.random.bits().to_le_bytes()[0])
    }

    /// A secret as this cloud gives them.
    fn think(&mut self, cloud: Cloud) -> String {
        let bytes = self.bytes::<16>();
        if cloud == Cloud::Tencent { base64(&bytes) } else { hex(&bytes) }
    }
}

/// What must not be shown twice: the last of it.
#[derive(Default)]
struct Seen {
    all: BTreeSet<Arc<str>>,
    order: VecDeque<Arc<str>>,
}

impl Seen {
    const MAX: usize = 10_000;

    fn is_new(&mut self, what: String) -> bool {
        let what: Arc<str> = what.into();
        if !self.all.insert(what.clone()) {
            return false;
        }
        self.order.push_back(what);
        if self.order.len() > Seen::MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
        true
    }
}

/// Where a device stands among those of its cloud: some clouds string product and name together.
fn place(cloud: Cloud, product: &str, name: &str) -> Box<str> {
    match cloud {
        Cloud::Tencent | Cloud::Aep => format!("{product}{name}").into(),
        Cloud::Huawei | Cloud::Tuya => name.into(),
        _ => format!("{product}\n{name}").into(),
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing { scan: Some(Duration::ZERO), unbind: None }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Product { cloud, key, open, certificates, .. } = self;
        write!(f, "Product {{ {cloud} {key:?}, open: {open}, certificates: {certificates} }}")
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Device { cloud, product, name, allowed, .. } = self;
        write!(f, "Device {{ {cloud} {product:?} {name:?}, allowed: {allowed} }}")
    }
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadEntry::Empty(name) => write!(f, "{name} is missing"),
            BadEntry::NotBase64(name) => write!(f, "{name} is not base64"),
            BadEntry::TooShort(name) => write!(f, "{name} has less than 16 bytes"),
            BadEntry::Twice => f.write_str("there is another one like it"),
            BadEntry::TooMany => write!(f, "there are more than {}", Registry::DEVICES),
        }
    }
}

impl std::error::Error for BadEntry {}
