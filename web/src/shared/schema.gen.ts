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
} as const;

export const SUBPROTOCOL = 'sangam.1';
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
