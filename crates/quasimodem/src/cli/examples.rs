//! The examples behind each page of help.

pub(super) const EXAMPLES: &str = "\
Examples:
  quasimodem                                      a modem to type at, a broker and a gateway; Ctrl-C ends
  quasimodem run --at pty:/tmp/modem              a serial port for an unmodified program
  quasimodem commands                             what can be typed
  quasimodem settings                             what can be set
  quasimodem help run                             more of one of these commands

Exit codes: 0 ended in order, 1 failed, 2 wrong usage or a file that can't be used";

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  quasimodem run                                  type at it; Ctrl-C ends
  printf 'AT\\r' | quasimodem run                  one command from a script
  quasimodem run --at pty:/tmp/modem -v           a serial port for an unmodified program
  quasimodem run --at tcp:0.0.0.0:7000 --model MC615
  quasimodem run --at tcp:0                       a free port of this machine, printed at the start
  quasimodem run --at serial:/dev/ttyUSB0@115200,8N1,rtscts
  quasimodem run --at rfc2217:7000                pyserial's rfc2217://127.0.0.1:7000, with DTR, RI and DCD
  quasimodem run --at pty:/tmp/second --imei +1   beside another modem: a broker needs to tell them apart
  quasimodem run --at pty --pace 9600             as slow as a real line, and as forgetful
  quasimodem run --host-map broker.example:1883=127.0.0.1:1883
  quasimodem run --ca ca.pem                      trust the brokers whose certificates this one signed
  quasimodem run --config modem.toml --set echo=off --bearer cold";

pub(super) const CTL_EXAMPLES: &str = "\
Examples:
  quasimodem lab --control 0                      a run that can be reached into; then, from another shell:
  quasimodem ctl state
  quasimodem ctl fault packet-drop type=PUBACK times=1
  quasimodem ctl wait 'client.broken client=1' --timeout 30s
  quasimodem ctl radio stat=2                     no coverage
  quasimodem ctl broker publish hello 'from outside'
  quasimodem ctl verify                           did all faults hit?
  quasimodem ctl events --follow";

pub(super) const LAB_EXAMPLES: &str = "\
Examples:
  quasimodem lab                                  type at the modem; it says what
  quasimodem lab --mqtt 0                         broker and gateway take free ports, printed at the start
  quasimodem lab --at pty:/tmp/modem --host-map '*:*=127.0.0.1:1883'
                                                  whatever broker a program asks for, it is this one
  quasimodem lab --user alice:wonder              passwords are checked
  quasimodem lab --mqtts 8883 --tls-dir tls       TLS as well; tls/ca.pem is the root to trust
  quasimodem lab --cloud alibaba --script examples/alibaba.chat
                                                  a script that talks to a stand-in for a cloud
  quasimodem lab --refuse 3:2                     the first two connections are refused: server unavailable
  quasimodem lab --refuse-filter 'secret/#'       subscriptions to these are refused";

pub(super) const GATEWAY_EXAMPLES: &str = "\
Examples:
  quasimodem gateway --broker 127.0.0.1:1883      clients send to 127.0.0.1:1884
  quasimodem gateway --sn 0.0.0.0:1884 --broker broker.example:1883 --user device:secret -v
  quasimodem gateway --broker 127.0.0.1:1883 --predefined 1=sensors/kitchen --predefined 2=sensors/hall";

pub(super) const COMMANDS_EXAMPLES: &str = "\
Examples:
  quasimodem commands | less
  quasimodem commands --model MC615               with the bounds of this model
  quasimodem commands --json | jq -r '.[].name'";

pub(super) const FAULTS_EXAMPLES: &str = "Examples:
  quasimodem lab --fault 'connack-code code=4 times=1'    the first connection is refused
  quasimodem run --fault 'packet-drop type=PUBACK chance=10%' --events events.json
  quasimodem faults --json";

pub(super) const TIMELINE_EXAMPLES: &str = "\
Examples:
  quasimodem lab --script host.chat --events run.json; quasimodem timeline run.json -o run.html
  ssh board cat run.json | quasimodem timeline - -o run.html

Behind the page's address may stand #seq=84, an event by its number, or #t=12.5, a moment in seconds.";

pub(super) const REPLAY_EXAMPLES: &str = "\
Examples:
  quasimodem replay minicom.log
  quasimodem replay field.log --rules field.rules --model L610 --set bearer=cold
  quasimodem replay run.json --fault 'connack-code code=4 times=1'

Rules, a line each; * is any text:
  any +CSQ: *        lines that both fit are the same
  skip +CGREG: *     such lines do not count
  move +MQTTPUB: *   such lines may come earlier or later
  # words            nothing";

pub(super) const TAP_EXAMPLES: &str = "\
Examples:
  quasimodem tap --at pty:modem --to serial:/dev/ttyUSB2@115200 --events tap.json
  quasimodem tap --at tcp:7000 --to serial:/dev/ttyUSB2@9600,7E1 --events - | jq -r .text";

pub(super) const SETTINGS_EXAMPLES: &str = "\
Examples:
  quasimodem settings
  quasimodem run --set gap_ms=0 --set echo=off
  echo 'gap_ms = 0' > modem.toml; quasimodem run --config modem.toml";

pub(super) const CREDENTIALS_EXAMPLES: &str = "\
Examples:
  quasimodem credentials baidu core1 device1 --secret-file key.txt
  pass show cloud/device1 | quasimodem credentials tencent IO8GAP1NFS device1 --secret-file -
  quasimodem credentials alibaba a1h0Epe3Ebv device1 --tls --secret-file key.txt --at    the line to type
  quasimodem credentials huawei p_device1 --secret-file key.txt --json | jq -r .password

`quasimodem credentials CLOUD --help` says what a cloud takes; docs/CLOUDS.md tells of each cloud.";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  quasimodem completions bash > ~/.local/share/bash-completion/completions/quasimodem
  quasimodem completions zsh > ~/.zfunc/_quasimodem
  quasimodem completions fish > ~/.config/fish/completions/quasimodem.fish";

pub(super) const SIMULATE_EXAMPLES: &str = "\
Examples:
  quasimodem simulate bad-night.toml                      play it once
  quasimodem simulate bad-night.toml --seeds 0..1000      with a thousand seeds, on all cores
  quasimodem simulate bad-night.toml --for 24h --events - | grep client.broken
  quasimodem simulate --seeds 0..10000                    the project's own simulations

docs/SCENARIOS.md has the keys of a scenario, `quasimodem scripts` the hosts that are always there.";

pub(super) const TIMING_EXAMPLES: &str = "\
Examples:
  quasimodem timing
  quasimodem timing l610-2026 > module.toml     to be changed, for --timing ./module.toml
  quasimodem run --at pty --timing l610-2026";
