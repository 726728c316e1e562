//! The columns, and what stands in them.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::FocusVersion::{V1_2, V1_4};
use super::measure::Measure;
use super::{FocusVersion, Row};
use crate::{ExportError, exact};

/// A column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Its id in the specification; our own begin with `x_`.
    pub(super) name: &'static str,
    versions: &'static [FocusVersion],
    /// What stands in it; empty for null.
    pub(super) cell: fn(&Row<'_>) -> Result<String, ExportError>,
}

/// What credits are called, as the currency of the prices and as a unit.
const CREDITS: &str = "Credits";
const BOTH: &[FocusVersion] = &[V1_2, V1_4];

/// In the specification's order, by name.
const COLUMNS: [Column; 50] = [
    column("BilledCost", |row| row.cost()),
    column("BillingAccountId", |row| text(row.key.tenant.as_str())),
    column("BillingAccountName", |row| text(row.name)),
    column("BillingCurrency", |row| text(&row.terms.currency)),
    column("BillingPeriodEnd", |row| midnight(row.key.day.last_of_month().saturating_add(1.day()))),
    column("BillingPeriodStart", |row| midnight(row.key.day.first_of_month())),
    column("ChargeCategory", |_| text("Usage")),
    // Corrections are in the row that they correct.
    column("ChargeClass", |_| text("")),
    column("ChargeDescription", |row| Ok(row.description())),
    column("ChargeFrequency", |_| text("Usage-Based")),
    column("ChargePeriodEnd", |row| midnight(row.key.day.saturating_add(1.day()))),
    column("ChargePeriodStart", |row| midnight(row.key.day)),
    // Rules of 1.2 look at it, as at the invoice that nothing here knows of.
    only(&[V1_2], "CommitmentDiscountStatus", |_| text("")),
    column("ConsumedQuantity", |row| Ok(row.total.measured.quantity())),
    column("ConsumedUnit", |row| Ok(row.unit())),
    column("ContractedCost", |row| row.cost()),
    column("ContractedUnitPrice", |row| Ok(row.rate())),
    column("EffectiveCost", |row| row.cost()),
    only(&[V1_4], "HostProviderName", |row| text(&row.terms.provider)),
    only(&[V1_2], "InvoiceId", |_| text("")),
    column("InvoiceIssuerName", |row| text(&row.terms.provider)),
    column("ListCost", |row| row.cost()),
    column("ListUnitPrice", |row| Ok(row.rate())),
    column("PricingCategory", |_| text("Standard")),
    column("PricingCurrency", |_| text(CREDITS)),
    column("PricingCurrencyContractedUnitPrice", |_| text("1.0")),
    column("PricingCurrencyEffectiveCost", |row| Ok(row.credits())),
    column("PricingCurrencyListUnitPrice", |_| text("1.0")),
    column("PricingQuantity", |row| Ok(row.credits())),
    column("PricingUnit", |_| text(CREDITS)),
    only(&[V1_2], "ProviderName", |row| text(&row.terms.provider)),
    only(&[V1_2], "PublisherName", |row| text(&row.terms.provider)),
    column("ServiceCategory", |_| text("AI and Machine Learning")),
    column("ServiceName", |row| text(&row.terms.service)),
    only(&[V1_4], "ServiceProviderName", |row| text(&row.terms.provider)),
    column("ServiceSubcategory", |_| text("Generative AI")),
    column("SkuId", |row| Ok(row.sku())),
    column("SkuMeter", |row| text(row.meter())),
    column("SkuPriceDetails", |_| text("")),
    column("SkuPriceId", |row| Ok(row.sku())),
    // An agent is a part of a customer's account that costs are told apart by.
    column("SubAccountId", |row| text(row.agent())),
    column("SubAccountName", |row| text(row.agent())),
    column("SubAccountType", |row| text(if row.agent().is_empty() { "" } else { "Agent" })),
    column("Tags", |row| Ok(row.tags())),
    column("x_CachedInputTokens", |row| Ok(row.total.measured.cached_input_tokens.to_string())),
    column("x_InputTokens", |row| Ok(row.total.measured.input_tokens.to_string())),
    column("x_Meter", |row| text(row.meter())),
    column("x_Model", |row| text(row.model())),
    column("x_OutputTokens", |row| Ok(row.total.measured.output_tokens.to_string())),
    column("x_Records", |row| Ok(row.total.measured.records.to_string())),
];

const fn column(name: &'static str, cell: fn(&Row<'_>) -> Result<String, ExportError>) -> Column {
    only(BOTH, name, cell)
}

const fn only(
    versions: &'static [FocusVersion],
    name: &'static str,
    cell: fn(&Row<'_>) -> Result<String, ExportError>,
) -> Column {
    Column { name, versions, cell }
}

/// The columns of a version.
pub(super) fn of(version: FocusVersion) -> Vec<Column> {
    COLUMNS.into_iter().filter(|column| column.versions.contains(&version)).collect()
}

/// A line of CSV (RFC 4180).
pub(super) fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| {
        let is_plain = !cell.contains(['"', ',', '\n', '\r']);
        if is_plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
    };
    cells.map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}

impl Row<'_> {
    /// Money: credits at the rate, exactly.
    fn cost(&self) -> Result<String, ExportError> {
        let rate = self.terms.rate;
        let exact = self.total.micros.checked_mul(rate.mantissa()).ok_or(ExportError::TooLarge)?;
        Ok(exact::short(exact, 6 + rate.scale()))
    }

    /// Money for one credit.
    fn rate(&self) -> String {
        exact::short(self.terms.rate.mantissa(), self.terms.rate.scale())
    }

    fn credits(&self) -> String {
        exact::short(self.total.micros, 6)
    }

    fn meter(&self) -> &str {
        self.key.meter.as_ref().map_or("unmetered", |meter| meter.as_str())
    }

    fn agent(&self) -> &str {
        self.key.agent.as_ref().map_or("", |agent| agent.as_str())
    }

    fn model(&self) -> &str {
        self.key.model.as_ref().map_or("", |model| model.as_str())
    }

    fn sku(&self) -> String {
        match self.model() {
            "" => self.meter().to_owned(),
            model => format!("{}/{model}", self.meter()),
        }
    }

    fn unit(&self) -> String {
        match self.key.measure {
            Measure::Tokens => "Tokens".to_owned(),
            Measure::Quantity => self.unit.map_or_else(|| "Units".to_owned(), ToString::to_string),
            Measure::Credits => CREDITS.to_owned(),
            Measure::Records => "Records".to_owned(),
        }
    }

    fn description(&self) -> String {
        let by =
            if self.agent().is_empty() { String::new() } else { format!(" by {}", self.agent()) };
        format!("{} used{by}", self.sku())
    }

    fn tags(&self) -> String {
        let tags = [("agent", self.agent()), ("model", self.model())];
        let tags: BTreeMap<&str, &str> =
            tags.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        serde_json::to_string(&tags).expect("texts are JSON")
    }
}

fn text(value: &str) -> Result<String, ExportError> {
    Ok(value.to_owned())
}

fn midnight(day: Date) -> Result<String, ExportError> {
    Ok(format!("{day}T00:00:00Z"))
}
