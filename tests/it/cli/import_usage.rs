//! `quipu import usage`, on the real trace.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::both_stores;
use crate::support::client::Client;
use crate::support::server::{Server, assert_verifies, program};

/// 8,819 real requests to a language model (Azure Public Dataset, see demo/README.md).
pub(crate) fn trace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/AzureLLMInferenceTrace_code.csv")
}

both_stores! {
    /// What was charged equals an independent sum over the file, to the last decimal; a second
    /// import changes nothing and says so.
    fn the_trace_costs_what_awk_says_and_is_imported_once(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        prepare(&client);
        let output = import(&server, &trace());
        assert!(output.status.success(), "{}", talk(&output));
        let summary = summary(&output);
        assert_eq!((&summary["recorded"], &summary["already_recorded"]), (&json!(8819), &json!(0)));

        let report = client.get("/v1/tenants/t_trace/usage?window=month").ok();
        assert_eq!(records_in(&report), 8819, "reports have it all once the import is over");

        let consumed = awk_cost(&trace());
        assert_eq!(summary["credits_consumed"], json!(consumed));
        let left = minus("1000", &consumed);
        assert_eq!(client.balance("t_trace")["available"], json!(left));

        let head = client.head();
        let again = import(&server, &trace());
        assert!(again.status.success(), "{}", talk(&again));
        let summary = self::summary(&again);
        assert_eq!((&summary["recorded"], &summary["already_recorded"]), (&json!(0), &json!(8819)));
        assert_eq!(client.head(), head, "nothing was added");
        server.stop();
        assert_verifies(&store);
    }

    /// A malformed line stops the import where it is, keeps what came before, and names itself;
    /// once it is mended the same command goes on.
    fn a_malformed_line_is_named_and_the_import_resumes_after_the_fix(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        prepare(&client);
        let folder = quipu_testkit::sqlite::folder();
        let file = folder.path().join("usage.csv");
        let good: Vec<String> = std::fs::read_to_string(trace())
            .expect("the trace is there")
            .lines()
            .take(3_001)
            .map(str::to_owned)
            .collect();
        let mut broken = good.clone();
        broken[2_500] = "2023-11-16 18:30:00.0000000,many,10".to_owned();
        std::fs::write(&file, broken.join("\n")).expect("written");
        let output = import(&server, &file);
        assert_eq!(output.status.code(), Some(2), "{}", talk(&output));
        assert!(talk(&output).contains("usage.csv:2501"), "{}", talk(&output));
        assert_eq!(records(&client), 2_499, "the good lines before it are kept");
        std::fs::write(&file, good.join("\n")).expect("written");
        let output = import(&server, &file);
        assert!(output.status.success(), "{}", talk(&output));
        let summary = summary(&output);
        assert_eq!((&summary["recorded"], &summary["already_recorded"]), (&json!(501), &json!(2_499)));
        assert_eq!(records(&client), 3_000);
    }
}

/// A tenant `t_trace` with 1,000 credits, and the prices of the README's example.
pub(crate) fn prepare(client: &Client) {
    crate::api::usage::prices(client);
    client.tenant_with("t_trace", "1000");
}

/// The import as the README shows it.
pub(crate) fn import_command(url: &str, file: &Path) -> Command {
    let mut command = program();
    command.args(["import", "usage"]).arg(file).args(["--server", url, "--tenant", "t_trace"]);
    command.args(["--meter", "llm_tokens", "--at", "TIMESTAMP", "--input", "ContextTokens"]);
    command.args(["--output", "GeneratedTokens", "--model", "small", "--agent", "coder", "--json"]);
    command
}

fn import(server: &Server, file: &Path) -> Output {
    import_command(&server.url(), file).output().expect("the program starts")
}

/// Usage records of `t_trace` in the reports.
pub(crate) fn records(client: &Client) -> u64 {
    let head = client.head();
    let path = format!("/v1/tenants/t_trace/usage?window=month&at_least={head}");
    records_in(&client.get(&path).ok())
}

fn records_in(report: &Value) -> u64 {
    let rows = report["usage"].as_array().expect("a list").iter();
    rows.map(|row| row["records"].as_u64().expect("a count")).sum()
}

pub(crate) fn summary(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", talk(output)))
}

pub(crate) fn talk(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{} {} {}", output.status, text(&output.stdout), text(&output.stderr))
}

/// The README's one-liner: 2.50 and 10.00 per million tokens are 2.5 and 10 micro-credits a
/// token; a record is rounded half to even, in whole tenths of a micro-credit, so that awk's
/// numbers stay whole and exact.
pub(crate) fn awk_cost(file: &Path) -> String {
    const SUM: &str = r#"NR > 1 { t = $2 * 25 + $3 * 100; m = int(t / 10); r = t % 10;
        if (r > 5 || (r == 5 && m % 2)) m++; s += m }
        END { printf "%d.%06d", s / 1000000, s % 1000000 }"#;
    let output = Command::new("awk").args(["-F,", SUM]).arg(file).output().expect("awk runs");
    let text = String::from_utf8(output.stdout).expect("digits");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn minus(a: &str, b: &str) -> String {
    let decimal = |text: &str| text.parse::<rust_decimal::Decimal>().expect("a decimal");
    (decimal(a) - decimal(b)).normalize().to_string()
}
