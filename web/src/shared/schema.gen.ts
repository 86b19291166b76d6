// Generated from the Rust crate `sangam-shared`; a test there keeps it up to date.

export type Role = "screen" | "participant" | "facilitator" | "organiser";
export type RefusalCode = "malformed" | "gap" | "foreign_client" | "schema" | "too_large" | "read_only" | "unavailable";
export type Hello = { 
/**
 * Names this life of the store. When it changes, offer everything again.
 */
epoch: string, 
/**
 * What this connection may do.
 */
role: Role, 
/**
 * Whether edits are taken: false for screens and for a document that is locked or damaged.
 */
writable: boolean, 
/**
 * The largest message that the server takes, in bytes.
 */
messageBytesMax: number, 
/**
 * The server's clock, in milliseconds since 1970-01-01 UTC.
 */
nowMs: number, };
export type Refusal = { 
/**
 * Counts this connection's sync messages 1 and 2, from 1.
 */
n: number, 
/**
 * What is wrong with it.
 */
code: RefusalCode, 
/**
 * Whether the same bytes may succeed later.
 */
retry: boolean, };
export type Code = "A1" | "A2" | "A3" | "A4" | "A5" | "A6" | "B1" | "B2" | "B3" | "B4" | "B5" | "B6" | "B7" | "B8";
export type Field = "title" | "problem" | "description" | "expectedResult" | "firstStep" | "milestone" | "startDate" | "dueDate";
export type Ask = { "ask": "lead" } | { "ask": "lead_person", organisation: string, } | { "ask": "acceptance" } | { "ask": "first_step" } | { "ask": "first_step_owner" } | { "ask": "first_step_verb" } | { "ask": "first_step_day", suggested: string, } | { "ask": "first_step_late", latest: string, } | { "ask": "first_step_past", earliest: string, } | { "ask": "due_day" } | { "ask": "due_after_first_step", day: string, } | { "ask": "proof" } | { "ask": "partner" } | { "ask": "common" } | { "ask": "licence", common: string, } | { "ask": "vague", word: string, field: Field, } | { "ask": "decider", text: string, } | { "ask": "decision_day", text: string, } | { "ask": "early_milestone", latest: string, } | { "ask": "translation", field: Field, language: string, } | { "ask": "review", field: Field, language: string, } | { "ask": "stale", field: Field, language: string, } | { "ask": "weekend", field: Field, day: string, } | { "ask": "holiday", field: Field, day: string, } | { "ask": "busy", person: string, count: number, } | { "ask": "too_many", count: number, } | { "ask": "similar", reference: string, };
export type Finding = { 
/**
 * The rule.
 */
code: Code, } & ({ "ask": "lead" } | { "ask": "lead_person", organisation: string, } | { "ask": "acceptance" } | { "ask": "first_step" } | { "ask": "first_step_owner" } | { "ask": "first_step_verb" } | { "ask": "first_step_day", suggested: string, } | { "ask": "first_step_late", latest: string, } | { "ask": "first_step_past", earliest: string, } | { "ask": "due_day" } | { "ask": "due_after_first_step", day: string, } | { "ask": "proof" } | { "ask": "partner" } | { "ask": "common" } | { "ask": "licence", common: string, } | { "ask": "vague", word: string, field: Field, } | { "ask": "decider", text: string, } | { "ask": "decision_day", text: string, } | { "ask": "early_milestone", latest: string, } | { "ask": "translation", field: Field, language: string, } | { "ask": "review", field: Field, language: string, } | { "ask": "stale", field: Field, language: string, } | { "ask": "weekend", field: Field, day: string, } | { "ask": "holiday", field: Field, day: string, } | { "ask": "busy", person: string, count: number, } | { "ask": "too_many", count: number, } | { "ask": "similar", reference: string, });
export type PlanDigest = { 
/**
 * Everything that is open, the next sentence first.
 */
open: Array<Finding>, 
/**
 * The lead has said yes.
 */
accepted: boolean, };
export type BoardDigest = { 
/**
 * Ideas on the board.
 */
ideas: number, 
/**
 * Of those, how many stand in a cluster.
 */
clustered: number, 
/**
 * Plans that nothing blocks.
 */
ready: number, 
/**
 * Plans that something blocks.
 */
blocked: number, 
/**
 * When somebody last changed it, in milliseconds since 1970; 0 where that is not known.
 */
activeAtMs: number, };

export const MESSAGE = {
  SYNC: 0,
  AWARENESS: 1,
  AUTH: 2,
  QUERY_AWARENESS: 3,
  HELLO: 120,
  ACK: 121,
  REFUSED: 122,
  DRAINING: 123,
} as const;

export const LIMITS = {
  messageBytesMax: 1048576,
  presenceIntervalMs: 200,
  shortTextCharsMax: 300,
  noteCharsMax: 2000,
  longTextCharsMax: 10000,
  minutesCharsMax: 200000,
  rowsPerPlanListMax: 50,
  personNameCharsMax: 80,
  organisationCharsMax: 120,
  tagsPerPersonMax: 5,
  tagCharsMax: 30,
} as const;

export const SUBPROTOCOL = 'sangam.1';
export const LEVELS = { A1: 'blocks', A2: 'blocks', A3: 'blocks', A4: 'blocks', A5: 'blocks', A6: 'blocks', B1: 'warns', B2: 'warns', B3: 'warns', B4: 'warns', B5: 'warns', B6: 'warns', B7: 'warns', B8: 'informs' } as const;
export const STAKEHOLDER_ROLES = ['responsible', 'consulted', 'informed', 'funder'] as const;
export const RESOURCE_KINDS = ['people', 'budget', 'decision', 'legal', 'data', 'hosting'] as const;
export const RESOURCE_STATES = ['secured', 'requested', 'missing'] as const;
export const COMMONS_RELATIONS = ['reuse', 'adapt', 'contribute', 'federate', 'publish'] as const;
export const EVIDENCE_TYPES = ['link', 'file', 'code', 'decision'] as const;
export const PLAN_STATUSES = ['not_started', 'limited', 'substantial', 'complete', 'abandoned', 'no_evidence'] as const;
export const VISIBILITIES = ['public', 'participants', 'organisers'] as const;

/** What a fresh note is made of, in order. */
export const NOTE_FIELDS = { text: 'text', translations: 'table', translationMeta: 'table' } as const;

/** What a fresh cluster is made of, in order. */
export const CLUSTER_FIELDS = { name: 'text', translations: 'table', translationMeta: 'table' } as const;

/** What a fresh plan is made of, in order. */
export const PLAN_FIELDS = { title: 'text', problem: 'text', description: 'text', expectedResult: 'text', translations: 'table', translationMeta: 'table', indicator: { name: 'text', baseline: 'text', target: 'text', unit: 'text' }, lead: {  }, coLead: {  }, stakeholders: 'table', firstStep: { text: 'text', trigger: 'text' }, milestones: 'table', resourcesNeeded: 'table', commons: 'table', risks: 'table', evidence: 'table', originIdeas: 'table' } as const;
