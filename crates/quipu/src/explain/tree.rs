//! An explanation as a tree for people.

use std::io::{self, Write};

use serde_json::Value;

use super::list;
use crate::output;

/// A node: what it says, in one or several lines, and what hangs below it.
struct Node {
    lines: Vec<String>,
    below: Vec<Node>,
}

/// Writes the number, and below it what it is made of.
pub(super) fn write(answer: &Value, out: &mut dyn Write) -> io::Result<()> {
    let figures = figures(&answer["figures"]);
    let what = output::text(&answer["what"]);
    let number = if figures.is_empty() { what } else { format!("{what}: {figures}") };
    writeln!(out, "{number}")?;
    children(&below(answer), "", out)?;
    if answer["adds_up"] == true {
        writeln!(out, "It adds up, as of position {}.", output::text(&answer["position"]))?;
    }
    Ok(())
}

fn below(answer: &Value) -> Vec<Node> {
    let leaf = |what: String, of: &Value| Node {
        lines: vec![format!("{what}: {}", figures(&of["figures"]))],
        below: Vec::new(),
    };
    let parts = list(answer, "parts").iter().map(|part| leaf(output::text(&part["what"]), part));
    let rest = answer["rest"].as_object().map(|_| {
        let events = answer["rest"]["events"].as_u64();
        let events = events.map_or("what came".to_owned(), |events| output::count(events, "event"));
        leaf(format!("{events} before these"), &answer["rest"])
    });
    let lines = list(answer, "lines").iter().map(|line| {
        let adds = figures(&line["figures"]);
        let adds = if adds.is_empty() { adds } else { format!(" [{adds}]") };
        event(&line["event"], "", &adds)
    });
    parts.chain(rest).chain(lines).collect()
}

/// An event: what happened, who did it, the proof, the arithmetic; below it what it rests on.
fn event(event: &Value, relation: &str, adds: &str) -> Node {
    let text = |name: &str| output::text(&event[name]);
    let (position, kind, summary) = (text("position"), text("type"), text("summary"));
    let mut lines = vec![
        format!("{relation}event {position} {kind}: {summary}{adds}"),
        sent(event),
        format!("id {}, hash {}", text("id"), text("hash")),
    ];
    let postings: Vec<String> = list(event, "postings")
        .iter()
        .map(|posting| {
            format!("{} {}", output::text(&posting["account"]), output::text(&posting["amount"]))
        })
        .collect();
    if !postings.is_empty() {
        lines.push(format!("posted: {}", postings.join(", ")));
    }
    lines.extend(working(event));
    let causes = list(event, "causes").iter().map(|cause| {
        let amount = output::text(&cause["amount"]);
        let amount = if amount.is_empty() { amount } else { format!(" {amount}") };
        let relation = format!("{}{amount}: ", output::text(&cause["relation"]));
        self::event(&cause["event"], &relation, "")
    });
    Node { below: causes.collect(), lines }
}

/// Who sent it, when and why.
fn sent(event: &Value) -> String {
    let text = |name: &str| output::text(&event[name]);
    let mut line = format!("by {}", text("actor"));
    for (what, name) in [
        ("key", "command"),
        ("request", "correlation"),
        ("source", "source"),
        ("id", "source_id"),
        ("because", "reason"),
    ] {
        let value = text(name);
        if !value.is_empty() {
            line.push_str(&format!(", {what} {value}"));
        }
    }
    line.push_str(&format!(", recorded at {}", text("recorded_at")));
    if text("effective_at") != text("recorded_at") {
        line.push_str(&format!(", counts from {}", text("effective_at")));
    }
    line
}

/// The arithmetic of usage, a product a line.
fn working(event: &Value) -> Vec<String> {
    let cost = &event["cost"];
    let Some(amount) = cost["amount"].as_str() else { return Vec::new() };
    let mut lines = Vec::new();
    let working = &event["working"];
    match working["rated"].as_str() {
        Some("alone") => lines.extend(sum("", &working["cost"])),
        Some("running_total") => {
            lines.extend(sum("the period's total with it: ", &working["after"]));
            lines.extend(sum("the period's total before it: ", &working["before"]));
        }
        _ => {}
    }
    if let Some(carried) = cost["carried"].as_str() {
        lines.push(format!("left over by the records before: {carried}"));
    }
    lines.push(format!("cost {amount} by {}", output::text(&cost["price"])));
    lines
}

fn sum(of: &str, sum: &Value) -> Vec<String> {
    let text = |value: &Value, name: &str| output::text(&value[name]);
    let mut lines: Vec<String> = list(sum, "terms")
        .iter()
        .map(|term| {
            let per = match term["per"].as_u64() {
                Some(1) | None => String::new(),
                Some(per) => format!(" per {per}"),
            };
            let [quantity, name, price, amount] =
                ["quantity", "of", "price", "amount"].map(|name| text(term, name));
            format!("{of}{quantity} {name} x {price}{per} = {amount}")
        })
        .collect();
    if let Some(markup) = sum["markup_percent"].as_str() {
        lines.push(format!("{of}plus {markup} percent"));
    }
    let (exact, rounded) = (text(sum, "exact"), text(sum, "rounded"));
    lines.push(if exact == rounded {
        format!("{of}together {exact}")
    } else {
        format!("{of}together {exact}, rounded half to even to {rounded}")
    });
    lines
}

/// `12.5`, or names and values where there are several.
fn figures(figures: &Value) -> String {
    let figures = figures.as_object().into_iter().flatten();
    let all: Vec<(&str, String)> =
        figures.map(|(name, value)| (name.as_str(), output::text(value))).collect();
    if let [("amount", value)] = all.as_slice() {
        return value.clone();
    }
    let named = all.iter().map(|(name, value)| format!("{} {value}", name.replace('_', " ")));
    named.collect::<Vec<String>>().join(", ")
}

fn children(nodes: &[Node], indent: &str, out: &mut dyn Write) -> io::Result<()> {
    for (index, node) in nodes.iter().enumerate() {
        let is_last = index + 1 == nodes.len();
        let (first, next) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        for (number, line) in node.lines.iter().enumerate() {
            let lead = if number == 0 { first } else { next };
            let hangs = if number > 0 && !node.below.is_empty() { "│ " } else { "" };
            writeln!(out, "{indent}{lead}{hangs}{line}")?;
        }
        children(&node.below, &format!("{indent}{next}"), out)?;
    }
    Ok(())
}
