//! Whose signatures count: verifier keys, or a C2SP `tlog-policy`.

use std::collections::HashMap;

use crate::note::{Kind, VerifierKey};

/// A line of a policy that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {why}")]
pub struct PolicyError {
    /// Which, from 1; one more than there are where something is missing.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

/// The logs that are trusted, and which witnesses must have cosigned.
#[derive(Clone, Debug)]
pub struct Trust {
    logs: Vec<VerifierKey>,
    /// Witnesses and groups; a group's members stand before it.
    parties: Vec<Party>,
    /// `None`: no witness is asked for.
    quorum: Option<usize>,
}

#[derive(Clone, Debug)]
enum Party {
    Witness(VerifierKey),
    Group { threshold: usize, members: Vec<usize> },
}

impl Trust {
    /// These logs, without witnesses. Fails on a key with which a log does not sign.
    pub fn in_logs(logs: Vec<VerifierKey>) -> Result<Trust, &'static str> {
        if logs.iter().any(|key| key.kind() != Kind::Note) {
            return Err("it is a witness's key; witnesses are named in a policy");
        }
        Ok(Trust { logs, parties: Vec::new(), quorum: None })
    }

    /// What a policy file says.
    pub fn from_policy(text: &str) -> Result<Trust, PolicyError> {
        let mut policy = Policy::default();
        let mut lines = 0;
        for (index, line) in text.split('\n').enumerate() {
            let at = |why: String| PolicyError { line: index + 1, why };
            if line.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
                return Err(at("it has a control character".to_owned()));
            }
            let words: Vec<&str> = line.split([' ', '\t']).filter(|w| !w.is_empty()).collect();
            policy.line(&words).map_err(at)?;
            lines = index + 1;
        }
        let missing = PolicyError { line: lines + 1, why: "no quorum line was found".to_owned() };
        let quorum = policy.quorum.ok_or(missing)?;
        Ok(Trust { logs: policy.logs, parties: policy.parties, quorum })
    }

    pub(crate) fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    pub(crate) fn witnesses(&self) -> impl Iterator<Item = &VerifierKey> {
        self.parties.iter().filter_map(|party| match party {
            Party::Witness(key) => Some(key),
            Party::Group { .. } => None,
        })
    }

    /// Whether those who cosigned are enough.
    pub(crate) fn is_satisfied(&self, cosigned: impl Fn(&VerifierKey) -> bool) -> bool {
        let mut satisfied: Vec<bool> = Vec::with_capacity(self.parties.len());
        for party in &self.parties {
            satisfied.push(match party {
                Party::Witness(key) => cosigned(key),
                Party::Group { threshold, members } => {
                    members.iter().filter(|member| satisfied[**member]).count() >= *threshold
                }
            });
        }
        self.quorum.is_none_or(|quorum| satisfied[quorum])
    }
}

/// A policy while it is read.
#[derive(Default)]
struct Policy {
    logs: Vec<VerifierKey>,
    parties: Vec<Party>,
    names: HashMap<String, usize>,
    /// Parties that are in a group already: each counts in one way only.
    members: Vec<usize>,
    quorum: Option<Option<usize>>,
}

impl Policy {
    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] | ["witness", name, key, _] => self.witness(name, key),
            ["group", name, threshold, members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            [first, ..] => Err(format!(
                "{first:?} is not log VKEY, witness NAME VKEY, group NAME K|any|all NAME... or \
                 quorum NAME|none"
            )),
        }
    }

    fn log(&mut self, key: &str) -> Result<(), String> {
        let key = parse(key, Kind::Note)?;
        if self.logs.iter().any(|other| other.is_same_key(&key)) {
            return Err(format!("the key of log {} is there twice", key.name()));
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str) -> Result<(), String> {
        let key = parse(key, Kind::Cosignature)?;
        let twice = |party: &Party| matches!(party, Party::Witness(k) if k.is_same_key(&key));
        if self.parties.iter().any(twice) {
            return Err(format!("the key of witness {name} is there twice"));
        }
        self.define(name, Party::Witness(key))
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        let mut indices = Vec::with_capacity(members.len());
        for member in members {
            let index = self.known(member)?;
            if self.members.contains(&index) {
                return Err(format!("{member} is a member of a group already"));
            }
            self.members.push(index);
            indices.push(index);
        }
        let threshold = match threshold {
            "all" => Some(members.len()),
            "any" => Some(1),
            number => number.parse().ok(),
        };
        match threshold {
            Some(threshold) if (1..=members.len()).contains(&threshold) => {
                self.define(name, Party::Group { threshold, members: indices })
            }
            _ => Err("a group needs any, all or a number from 1 to that of its members".to_owned()),
        }
    }

    fn quorum(&mut self, name: &str) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("there is a second quorum line".to_owned());
        }
        self.quorum = Some(if name == "none" { None } else { Some(self.known(name)?) });
        Ok(())
    }

    fn known(&self, name: &str) -> Result<usize, String> {
        let known = self.names.get(name).copied();
        known.ok_or_else(|| format!("no witness or group {name} stands above"))
    }

    fn define(&mut self, name: &str, party: Party) -> Result<(), String> {
        if name == "none" || self.names.insert(name.to_owned(), self.parties.len()).is_some() {
            return Err(format!("the name {name} is taken"));
        }
        self.parties.push(party);
        Ok(())
    }
}

fn parse(key: &str, kind: Kind) -> Result<VerifierKey, String> {
    let key: VerifierKey = key.parse().map_err(|error| format!("{error}"))?;
    match (key.kind() == kind, kind) {
        (true, _) => Ok(key),
        (false, Kind::Note) => Err(format!("{} is not a log's key (0x01)", key.name())),
        (false, Kind::Cosignature) => Err(format!("{} is not a witness's key (0x04)", key.name())),
    }
}
