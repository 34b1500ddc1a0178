/** Kinds of work that people follow. */
export const jobKinds = ['upload', 'fetch', 'index', 'backup', 'sync', 'verification'] as const;
export type JobKind = (typeof jobKinds)[number];

/** What the progress counts. */
export const jobUnits = ['bytes', 'layers', 'tags', 'contents'] as const;
export type JobUnit = (typeof jobUnits)[number];

/** - `lost`: the process that ran it has ended without a word. */
export const jobStates = ['running', 'done', 'failed', 'cancelled', 'lost'] as const;
export type JobState = (typeof jobStates)[number];

/** The owner of work that no account has begun. */
export const serverOwner = 'server';

/** A job as its owner and admins see it. Times are milliseconds since 1970. */
export interface JobStatus {
  readonly id: string;
  readonly kind: JobKind;
  /** What the work is about, such as the name of a file. */
  readonly subject: string;
  readonly state: JobState;
  readonly unit: JobUnit;
  readonly done: number;
  /** Null: unknown. */
  readonly total: number | null;
  /** Why it failed; '': the log of the server says it. */
  readonly message: string;
  /** Path of the page that shows the result; ''. */
  readonly result: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly canBeCancelled: boolean;
}

/** Who looks at jobs. */
export interface JobViewer {
  /** Id of an account: sees its own jobs. */
  readonly owner: string;
  /** True for admins, who also see the jobs of others and of the server. */
  readonly seesAll: boolean;
}
