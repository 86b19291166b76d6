//! What an event file may say of a board: a morning's work to start from.

use super::Ref;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A practice or an idea.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the board\'s schema")]
pub struct NoteSeed {
    /// A name for `from_ideas`.
    pub key: Option<String>,
    pub text: Ref,
    pub lang: Ref,
    pub author: Ref,
    pub cluster: Option<Ref>,
    #[serde(default)]
    pub translations: BTreeMap<String, String>,
}

/// A heap of ideas.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the board\'s schema")]
pub struct ClusterSeed {
    pub key: Ref,
    pub name: Ref,
    pub lang: Ref,
    pub effort: Option<f64>,
    pub impact: Option<f64>,
}

/// Somebody who is not at the event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the board\'s schema")]
pub struct ElsewhereSeed {
    pub name: Option<String>,
    pub organisation: String,
    pub country: Option<String>,
}

/// An action plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in the board\'s schema")]
pub struct PlanSeed {
    pub title: Ref,
    pub lang: Ref,
    pub author: Ref,
    #[serde(default)]
    pub problem: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub expected_result: String,
    #[serde(default)]
    pub translations: BTreeMap<String, String>,
    pub lead: Option<Ref>,
    pub lead_elsewhere: Option<ElsewhereSeed>,
    pub co_lead: Option<Ref>,
    pub co_lead_elsewhere: Option<ElsewhereSeed>,
    pub first_step: Option<FirstStepSeed>,
    pub start: Option<Ref>,
    pub due: Option<Ref>,
    pub indicator: Option<IndicatorSeed>,
    #[serde(default)]
    pub stakeholders: Vec<StakeholderSeed>,
    #[serde(default)]
    pub milestones: Vec<MilestoneSeed>,
    #[serde(default)]
    pub resources: Vec<ResourceSeed>,
    #[serde(default)]
    pub commons: Vec<CitationSeed>,
    #[serde(default)]
    pub risks: Vec<RiskSeed>,
    #[serde(default)]
    pub evidence: Vec<EvidenceSeed>,
    #[serde(default)]
    pub from_ideas: Vec<Ref>,
    pub effort: Option<f64>,
    pub impact: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstStepSeed {
    pub text: String,
    #[serde(default)]
    pub trigger: String,
    pub owner: Option<Ref>,
    pub due: Option<Ref>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndicatorSeed {
    pub name: String,
    #[serde(default)]
    pub baseline: String,
    #[serde(default)]
    pub target: String,
    #[serde(default)]
    pub unit: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakeholderSeed {
    pub organisation: String,
    #[serde(default)]
    pub person: String,
    pub country: Option<String>,
    pub role: Ref,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MilestoneSeed {
    pub title: String,
    #[serde(default)]
    pub deliverable: String,
    pub due: Option<Ref>,
    pub owner: Option<Ref>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSeed {
    pub kind: Ref,
    pub text: String,
    pub state: Ref,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitationSeed {
    pub common: Ref,
    pub relation: Ref,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskSeed {
    #[serde(rename = "if")]
    pub condition: String,
    #[serde(rename = "then")]
    pub answer: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceSeed {
    #[serde(rename = "type")]
    pub kind: Ref,
    pub title: String,
    #[serde(default)]
    pub url: String,
    pub date: Option<Ref>,
}
