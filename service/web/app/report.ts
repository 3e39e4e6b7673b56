/** Results, as far as this page reads them: the small document for a player, and the facts of the report around it. */

export type Span = readonly [number, number];

export interface Finding {
  readonly subject: "face" | "voice" | "recording";
  readonly status: "calibrated" | "uncalibrated" | "not_scored";
  readonly llr: number | null;
  readonly verbal: string | null;
  readonly flagged: boolean;
}

export interface Scores {
  readonly model: string;
  readonly scale: "llr" | "logit";
  readonly overall: number | null;
  readonly values: readonly (number | null)[];
}

export interface Track {
  readonly id: string;
  readonly stream: number;
  readonly span: Span;
  readonly static: boolean;
  readonly flagged: boolean;
  readonly times: readonly number[];
  readonly boxes: readonly (readonly [number, number, number, number])[];
  readonly detected: readonly boolean[];
  readonly not_scored: readonly (string | null)[];
  readonly scores: readonly Scores[];
  readonly exhibits: readonly string[];
}

export interface Voice {
  readonly id: string;
  readonly stream: number;
  readonly channel: number | null;
  readonly flagged: boolean;
  readonly utterances: readonly { readonly id: string; readonly span: Span }[];
  readonly windows: readonly Span[];
  readonly scores: readonly Scores[];
  readonly exhibits: readonly string[];
}

export interface Segment {
  readonly modality: "face" | "voice";
  readonly span: Span;
  readonly subjects: readonly string[];
  readonly llr: number | null;
  readonly flagged: boolean;
}

export interface Stream {
  readonly index: number;
  readonly kind: string;
  readonly span: Span | null;
  readonly width_px: number | null;
  readonly height_px: number | null;
  readonly examined: boolean;
  readonly not_examined_because: string | null;
  readonly sampled: readonly number[];
}

export interface Exhibit {
  readonly id: string;
  readonly kind: "face" | "heat_map" | "spectrogram";
  readonly subject: string;
  readonly span: Span;
  readonly width_px: number;
  readonly height_px: number;
  readonly model: string | null;
  readonly caption: string;
  readonly alternative_text: string;
}

export interface Abstention {
  readonly reason: string;
  readonly subject: string;
  readonly modality: "face" | "voice" | null;
  readonly span: Span | null;
  readonly detail: string;
}

export interface Defect {
  readonly kind: string;
  readonly stream: number | null;
  readonly span: Span | null;
  readonly count: number | null;
  readonly detail: string;
}

export interface Timeline {
  readonly job: string;
  readonly filename: string;
  readonly media: "video" | "audio" | "image" | null;
  readonly duration_seconds: number | null;
  readonly examination: "complete" | "partial" | "failed";
  readonly message: string;
  readonly flag_llr: number | null;
  readonly conclusion: {
    readonly kind: "calibrated" | "separate" | "uncalibrated" | "not_scored" | "failed";
    readonly headline: string;
    readonly meaning: readonly string[];
  };
  readonly findings: readonly Finding[];
  readonly streams: readonly Stream[];
  readonly tracks: readonly Track[];
  readonly voices: readonly Voice[];
  readonly segments: readonly Segment[];
  readonly abstentions: readonly Abstention[];
  readonly defects: readonly Defect[];
  readonly caveats: readonly { readonly kind: string; readonly stream: number | null; readonly detail: string }[];
  readonly exhibits: readonly Exhibit[];
  readonly statements: readonly string[];
}

export interface ModelFacts {
  readonly name: string;
  readonly modality: "face" | "voice";
  readonly architecture: string;
  readonly sha256: string;
  readonly licence: string;
  readonly source: string;
  readonly paper: string;
  readonly training_data: readonly string[];
  readonly status: "calibrated" | "uncalibrated" | "not_found";
  readonly calibration: Readonly<Record<string, unknown>> | null;
  readonly known_limits: string;
}

export interface Coverage {
  readonly stream: number;
  readonly kind: "video" | "audio";
  readonly total_seconds: number;
  readonly examined_seconds: number;
  readonly decoder: string | null;
  readonly sampled_seconds: readonly number[];
  readonly num_decoded: number;
  readonly num_expected: number | null;
  readonly speech_seconds: number | null;
}

export interface FaceSample {
  readonly time_seconds: number;
  readonly size_px: number;
  readonly sharpness: number;
  readonly yaw_degrees: number;
}

/** The report itself: what the player has no use for. */
export interface Report {
  readonly schema_version: string;
  readonly body: {
    readonly tool: string;
    readonly recording: {
      readonly container: string | null;
      readonly streams: readonly {
        readonly index: number;
        readonly kind: string;
        readonly codec: string | null;
        readonly width_px: number | null;
        readonly height_px: number | null;
        readonly average_rate: string | null;
        readonly rate_hz: number | null;
        readonly channels: number | null;
      }[];
      readonly provenance: {
        readonly container_tags: Readonly<Record<string, string>>;
        readonly stream_tags: Readonly<Record<string, Readonly<Record<string, string>>>>;
        readonly exif: Readonly<Record<string, string>>;
        readonly xmp: string | null;
        readonly c2pa: string | null;
        readonly notes: readonly string[];
      };
    };
    readonly findings: readonly { readonly subject: string; readonly explanation: string; readonly scores: readonly ModelScore[] }[];
    readonly tracks: readonly { readonly id: string; readonly samples: readonly FaceSample[]; readonly num_scored: number }[];
    readonly voices: readonly {
      readonly id: string;
      readonly speech_seconds: number;
      readonly bandwidth_hz: number | null;
      readonly clipped_fraction: number;
    }[];
    readonly coverage: readonly Coverage[];
    readonly models: readonly ModelFacts[];
    readonly configuration: { readonly digest: string };
  };
  readonly run: {
    readonly started_at: string;
    readonly device: string;
    readonly decoder: Readonly<Record<string, string>>;
    readonly versions: Readonly<Record<string, string>>;
  };
}

export interface ModelScore {
  readonly model: string;
  readonly logit: number;
  readonly llr: number | null;
  readonly at_bound: boolean;
  readonly num_windows: number;
}

const STEPS = [2, 10, 100].map(Math.log);

/** How strong an LLR is, as a class of the style sheet: the steps of the report's own timeline. */
export function strength(llr: number): string {
  const step = STEPS.filter((bound) => Math.abs(llr) >= bound).length;
  return step === 0 ? "neutral" : `${llr > 0 ? "for" : "against"}-${step}`;
}

/** Of a subject's columns the one to show: an LLR before a raw output, then the highest. */
export function leading(scores: readonly Scores[]): Scores | null {
  const ranked = [...scores].sort(
    (a, b) => Number(b.scale === "llr") - Number(a.scale === "llr") || (b.overall ?? -Infinity) - (a.overall ?? -Infinity),
  );
  return ranked[0] ?? null;
}
