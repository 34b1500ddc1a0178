import { UpstreamError } from './upstream-error.ts';

export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** A credential, and where the operator has written it, such as `mirror.upstreams.ghcr.io`. */
export interface Login {
  readonly key: string;
  readonly credential: Credential;
}

/** The source of a login at an upstream. */
export interface CredentialSource {
  /** Where the operator has written it, such as `mirror.upstreams.ghcr.io`: errors name it. */
  readonly key: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Read again for each use: others may renew it. */
  readonly passwordFile: string | undefined;
  /**
   * A program that speaks Docker's credential helper protocol: the registry's host on its standard input,
   * `{"Username":…,"Secret":…}` on its standard output.
   */
  readonly command: readonly string[] | undefined;
}

/** The client's message says only that there is no login; the cause, for the log, says why and what to do. */
export function noLogin(reason: string): UpstreamError {
  return new UpstreamError('failed', 'berth cannot get at its own login there, its log says why', { cause: new Error(reason) });
}
