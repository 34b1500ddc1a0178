/** What admins see of the running installation, on the page and by the API. Times are milliseconds since 1970. */
export interface OperationReport {
  /** Lists the scheduled jobs with their last run in any process, at most a minute old; a failure is recorded at once. */
  jobRuns(): Promise<readonly JobRun[]>;
  /** Returns what an operator should look at, from what is known already. */
  overview(): Promise<OperationOverview>;
  /** Checks the stores and reports the state of this process. Never rejects because of a store. */
  health(): Promise<Health>;
}

export interface OperationOverview {
  /** The file system of the blobs; undefined for a bucket. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  /** Scheduled jobs whose last run failed. */
  readonly failedJobs: readonly JobRun[];
  readonly unreachableUpstreams: readonly string[];
}

export interface JobRun {
  readonly name: string;
  readonly endedAt: number;
  readonly milliseconds: number;
  /** The last failure; null: none is recorded. */
  readonly failedAt: number | null;
  /** Message of the last failure; ''. */
  readonly error: string;
}

export interface Health {
  readonly version: string;
  readonly stores: readonly {
    readonly part: 'blobs' | 'metadata';
    readonly name: string;
    /** Undefined: the store answers. */
    readonly error: string | undefined;
  }[];
  /** Server processes on this machine. */
  readonly workers: number;
  /** The file system of the blobs; undefined for a bucket. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  readonly upstreams: readonly { readonly name: string; readonly isReachable: boolean }[];
  /** End of the TLS certificate; undefined: plain HTTP. */
  readonly certificateUntil: number | undefined;
}
