/** What the service gives, as far as this page reads it. The whole of it is in `/v1/openapi.json`. */

export type Scope = "submit" | "read" | "review" | "admin";
export type JobStatus = "queued" | "running" | "done" | "cancelled";

export interface Me {
  readonly person: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly csrf_token: string | null;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
}

export interface Key {
  readonly id: string;
  readonly person: string;
  readonly name: string;
  readonly label: string;
  readonly scopes: readonly Scope[];
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
}

export interface FreshKey extends Key {
  readonly secret: string;
}

export interface Case {
  readonly id: string;
  readonly name: string;
  readonly reference: string;
  readonly retention_days: number | null;
  readonly created_at: string;
  readonly closed_at: string | null;
  readonly num_jobs: number | null;
}

export interface CaseView extends Case {
  readonly members: readonly { readonly person: string; readonly name: string; readonly since: string }[];
  readonly states: Readonly<Record<string, number>>;
}

export interface JobFinding {
  readonly subject: string;
  readonly status: string;
  readonly llr: number | null;
  readonly verbal: string | null;
  readonly flagged: boolean;
}

export interface Job {
  readonly id: string;
  readonly case: string;
  readonly person: string;
  readonly person_name: string;
  readonly filename: string;
  readonly sha256: string;
  readonly num_bytes: number;
  readonly evidence: string;
  readonly status: JobStatus;
  readonly state: string | null;
  readonly reason: string | null;
  readonly message: string;
  readonly flagged: boolean;
  readonly llr: number | null;
  readonly findings: readonly JobFinding[];
  readonly media: string | null;
  readonly duration_seconds: number | null;
  readonly progress: Readonly<Record<string, number>>;
  readonly models: { readonly tool: string; readonly config_digest: string; readonly checkpoints: Record<string, string> };
  readonly supersedes: string | null;
  readonly superseded_by: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  readonly next: string | null;
}

export interface Outcome {
  readonly state: string;
  readonly reason: string | null;
  readonly flagged: boolean;
}

export interface Notice {
  readonly id: string;
  readonly kind: string;
  readonly case: string;
  readonly job: string;
  readonly earlier_job: string;
  readonly was: Outcome;
  readonly now: Outcome;
  readonly at: string;
  readonly seen_at: string | null;
}

export interface Review {
  readonly id: string;
  readonly person: string;
  readonly person_name: string;
  readonly conclusion: string;
  readonly reasons: string;
  readonly at: string;
  readonly latest: boolean;
  readonly blind: boolean;
  readonly asked_himself: boolean;
}

export interface SubjectReviews {
  readonly subject: string;
  readonly flagged: boolean | null;
  readonly num_people: number;
  readonly open: boolean;
  readonly standing: string | null;
  readonly reviews: readonly Review[];
}

export interface Disagreements {
  readonly disagreements: readonly {
    readonly job: string;
    readonly filename: string;
    readonly subject: string;
    readonly between: readonly ("reviewers" | "machine")[];
    readonly flagged: boolean | null;
    readonly positions: readonly { readonly person_name: string; readonly conclusion: string; readonly blind: boolean; readonly at: string }[];
  }[];
  readonly num_hidden: number;
}

export interface AuditEntry {
  readonly seq: number;
  readonly at: string | null;
  readonly person: string | null;
  readonly person_name: string | null;
  readonly key: string | null;
  readonly action: string;
  readonly object: string;
  readonly case: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly digest: string;
  readonly damaged: string | null;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  readonly next: string | null;
}

export interface AuditVerdict {
  readonly good: boolean;
  readonly complete: boolean;
  readonly log: string;
  readonly num_entries: number;
  readonly digest: string;
  readonly problems: readonly { readonly kind: string; readonly entry: number | null; readonly why: string }[];
  readonly remarks: readonly string[];
}

export interface Population {
  readonly description: string;
  readonly num_bonafide: number;
  readonly num_spoof: number;
  readonly largest_llr: number;
  readonly smallest_llr: number;
}

export interface Model {
  readonly name: string;
  readonly modality: "face" | "voice";
  readonly architecture: string;
  readonly kind: string;
  readonly sha256: string;
  readonly num_bytes: number;
  readonly licence: string;
  readonly source: string | null;
  readonly paper: string;
  readonly training_data: readonly string[];
  readonly known_limits: string;
  readonly calibration: Population | null;
  readonly in_use: boolean;
  readonly in_use_sha256: string | null;
}

export interface ModelList {
  readonly models: readonly Model[];
  readonly fusion: Population | null;
  readonly tool: string | null;
  readonly config_digest: string | null;
}
