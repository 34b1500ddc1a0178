/** A package that a package manager has installed. */
export interface Package {
  readonly name: string;
  /** As the package manager prints it: with epoch and release. */
  readonly version: string;
  readonly architecture: string;
}

/** A file with a list of packages cannot be read. The message says why. */
export class UnreadPackages extends Error {
  override readonly name = 'UnreadPackages';
}
