//! Verdicts for people, and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Checkpoint, HeldTo, Report, Verdict};

impl Verdict {
    pub(super) const fn holds(&self) -> bool {
        match self {
            Verdict::Export(report) => report.holds,
            Verdict::Included(_) | Verdict::Grown(_) => true,
            Verdict::Worthless(_) => false,
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Verdict::Export(report) => json!(report),
            Verdict::Included(included) => json!({"holds": true, "included": included}),
            Verdict::Grown(grown) => json!({"holds": true, "grown": grown}),
            Verdict::Worthless(what) => json!({"holds": false, "finding": {"what": what}}),
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Verdict::Export(report) => write_report(report, out),
            Verdict::Included(included) => writeln!(
                out,
                "Event {} of stream {} is in the journal, under {}.",
                included.position,
                included.stream,
                described(&included.checkpoint)
            ),
            Verdict::Grown(grown) => writeln!(
                out,
                "Nothing was changed: {} begins with {}.",
                described(&grown.new),
                described(&grown.old)
            ),
            Verdict::Worthless(what) => writeln!(out, "It does not hold: {what}"),
        }
    }
}

fn write_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "verified to  {}", report.position)?;
    writeln!(out, "root         {}", report.root)?;
    writeln!(out, "commits      {}", report.commits)?;
    writeln!(out, "streams      {}", report.streams)?;
    for HeldTo { name, checkpoint } in &report.held_to {
        writeln!(out, "held to      {name}: {}", described(checkpoint))?;
    }
    if let Some(finding) = &report.finding {
        let (line, position, what) = (finding.line, finding.position, &finding.what);
        return writeln!(
            out,
            "\nThe journal does not hold at line {line}, position {position}: {what}"
        );
    }
    let (vouched, end) = (report.vouched_to(), report.position);
    let rest = match vouched {
        0 => "It fits together, but no checkpoint vouches for it: whoever rewrote all of it would \
              leave no trace. Give one with --checkpoint."
            .to_owned(),
        _ if vouched == end => format!("All {end} events are the ones that were signed."),
        _ => format!(
            "Events 1 to {vouched} are the ones that were signed; {} to {end} follow them without \
             a break, and no checkpoint that was given vouches for them.",
            vouched + 1
        ),
    };
    writeln!(out, "\nThe journal holds. {rest}")
}

fn described(checkpoint: &Checkpoint) -> String {
    let Checkpoint { origin, size, root, cosignatures } = checkpoint;
    let witnesses: Vec<&str> = cosignatures.iter().map(|c| c.witness.as_str()).collect();
    let cosigned = match witnesses.as_slice() {
        [] => String::new(),
        names => format!(", cosigned by {}", names.join(" and ")),
    };
    format!("the checkpoint of {origin} over {size} events{cosigned} (root {})", root.to_base64())
}
