//! The definitions of RFC 6962 as they are written there, a signer with published seeds, and a real export.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use quipu_verify::{Checkpoint, Hash, Report, Tree, Trust, leaf_hash, verify_export};
use sha2::{Digest, Sha256};

/// 200 events as a server wrote them.
pub(crate) const BOOK: &str = include_str!("../../vectors/book.jsonl");
/// Its checkpoint over the first 150 events.
pub(crate) const CHECKPOINT: &str = include_str!("../../vectors/book-150.checkpoint");
/// The verifier key of that checkpoint's log; its seed is 32 zero bytes.
pub(crate) const VKEY: &str =
    "quipu.example/t/acme+67c87f4c+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
/// The verifier key of a witness; its seed is 32 bytes of 1.
pub(crate) const WITNESS: &str =
    "witness.quipu.example/w1+5f9ec989+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

pub(crate) fn trust() -> Trust {
    Trust::in_logs(vec![VKEY.parse().unwrap()]).unwrap()
}

/// Its signature is verified once: what follows is asked a hundred thousand times.
pub(crate) fn old_checkpoint() -> Checkpoint {
    static OPENED: LazyLock<Checkpoint> =
        LazyLock::new(|| Checkpoint::open(CHECKPOINT.as_bytes(), &trust()).unwrap());
    OPENED.clone()
}

/// The verdict of an auditor who once saved the checkpoint over 150 events.
pub(crate) fn audit(export: &[u8]) -> Report {
    verify(export, vec![old_checkpoint()])
}

pub(crate) fn verify(mut export: &[u8], checkpoints: Vec<Checkpoint>) -> Report {
    let named = checkpoints.into_iter().map(|checkpoint| ("it".to_owned(), checkpoint)).collect();
    verify_export(&mut export, named, &mut |_, _| {}).unwrap()
}

/// What somebody writes who owns the book: commits of event lines, with all hashes made to fit.
pub(crate) fn written(commits: &[Vec<String>]) -> String {
    let mut tree = Tree::default();
    let mut body = String::new();
    for events in commits {
        let (first_position, prev_root) = (tree.size() + 1, tree.root());
        for event in events {
            tree.push(event.as_bytes());
            body += &format!("{event}\n");
        }
        let last: serde_json::Value = serde_json::from_str(events.last().unwrap()).unwrap();
        body += &format!(
            "{{\"commit\":{{\"first_position\":{first_position},\"last_position\":{},\"recorded_at\":{},\
             \"prev_root\":\"{prev_root}\",\"root\":\"{}\"}}}}\n",
            tree.size(),
            last["recorded_at"],
            tree.root()
        );
    }
    let (size, root) = (tree.size(), tree.root());
    format!(
        "{{\"quipu_journal\":1,\"position\":{size},\"root\":\"{root}\"}}\n{body}\
         {{\"end\":{{\"position\":{size},\"root\":\"{root}\"}}}}\n"
    )
}

/// The real export's commits, each with its event lines.
pub(crate) fn commits() -> Vec<Vec<String>> {
    let mut commits = vec![Vec::new()];
    for line in BOOK.lines().skip(1) {
        if line.starts_with("{\"commit\":") {
            commits.push(Vec::new());
        } else if !line.starts_with("{\"end\":") {
            commits.last_mut().unwrap().push(line.to_owned());
        }
    }
    commits.pop();
    commits
}

/// A tree of which any part's root can be asked for, by the definitions of RFC 6962, 2.1.
pub(crate) struct Reference {
    leaves: Vec<Hash>,
    known: HashMap<(usize, usize), Hash>,
}

impl Reference {
    pub(crate) fn new(entries: impl IntoIterator<Item = Vec<u8>>) -> Reference {
        let leaves = entries.into_iter().map(|entry| leaf_hash(&entry)).collect();
        Reference { leaves, known: HashMap::new() }
    }

    pub(crate) fn leaf(&self, index: usize) -> Hash {
        self.leaves[index]
    }

    pub(crate) fn root(&mut self, size: usize) -> Hash {
        self.mth(0, size)
    }

    /// MTH of the leaves from..to.
    fn mth(&mut self, from: usize, to: usize) -> Hash {
        if let Some(known) = self.known.get(&(from, to)) {
            return *known;
        }
        let hash = match to - from {
            0 => Hash(Sha256::digest(b"").into()),
            1 => self.leaves[from],
            size => {
                let half = from + size.next_power_of_two() / 2;
                let (left, right) = (self.mth(from, half), self.mth(half, to));
                let node = Sha256::new().chain_update([1]).chain_update(left.0);
                Hash(node.chain_update(right.0).finalize().into())
            }
        };
        self.known.insert((from, to), hash);
        hash
    }

    /// PATH of a leaf in the tree of a size.
    pub(crate) fn inclusion(&mut self, index: usize, size: usize) -> Vec<Hash> {
        let mut path = Vec::new();
        let (mut from, mut to) = (0, size);
        while to - from > 1 {
            let half = from + (to - from).next_power_of_two() / 2;
            if index < half {
                path.push(self.mth(half, to));
                to = half;
            } else {
                path.push(self.mth(from, half));
                from = half;
            }
        }
        path.reverse();
        path
    }

    /// PROOF between two sizes.
    pub(crate) fn consistency(&mut self, old: usize, new: usize) -> Vec<Hash> {
        let mut path = Vec::new();
        if old == 0 {
            return path;
        }
        let (mut from, mut to) = (0, new);
        while to > old {
            let half = from + (to - from).next_power_of_two() / 2;
            if old <= half {
                path.push(self.mth(half, to));
                to = half;
            } else {
                path.push(self.mth(from, half));
                from = half;
            }
        }
        if from > 0 {
            path.push(self.mth(from, to));
        }
        path.reverse();
        path
    }
}

/// Somebody with a key.
pub(crate) struct Signer {
    name: String,
    kind: u8,
    key: SigningKey,
}

impl Signer {
    /// The log of the vectors.
    pub(crate) fn log() -> Signer {
        Signer::new("quipu.example/t/acme", 1, 0)
    }

    /// The witness of the vectors.
    pub(crate) fn witness() -> Signer {
        Signer::new("witness.quipu.example/w1", 4, 1)
    }

    /// A key whose seed is 32 times the same byte.
    pub(crate) fn new(name: &str, kind: u8, seed: u8) -> Signer {
        Signer { name: name.to_owned(), kind, key: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn blob(&self) -> Vec<u8> {
        [&[self.kind][..], self.key.verifying_key().as_bytes()].concat()
    }

    fn id(&self) -> [u8; 4] {
        let digest = Sha256::digest([self.name.as_bytes(), b"\n", &self.blob()].concat());
        digest[..4].try_into().unwrap()
    }

    pub(crate) fn vkey(&self) -> String {
        let id = u32::from_be_bytes(self.id());
        format!("{}+{id:08x}+{}", self.name, STANDARD.encode(self.blob()))
    }

    /// The signature line under a text.
    pub(crate) fn line(&self, text: &str) -> String {
        let mut blob = self.id().to_vec();
        if self.kind == 4 {
            let time = 1_735_689_600_u64;
            blob.extend(time.to_be_bytes());
            let message = format!("cosignature/v1\ntime {time}\n{text}");
            blob.extend(self.key.sign(message.as_bytes()).to_bytes());
        } else {
            blob.extend(self.key.sign(text.as_bytes()).to_bytes());
        }
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(blob))
    }
}

pub(crate) fn checkpoint_text(size: usize, root: Hash) -> String {
    format!("quipu.example/t/acme\n{size}\n{}\n", root.to_base64())
}

/// A checkpoint as bytes, signed by all of these.
pub(crate) fn signed(text: &str, signers: &[Signer]) -> String {
    let lines: String = signers.iter().map(|signer| signer.line(text)).collect();
    format!("{text}\n{lines}")
}
