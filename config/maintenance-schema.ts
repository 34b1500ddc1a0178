import { choice, duration, flag, list, optional, secret, section, size, text, wholeNumber, words } from './keys.ts';

/** Keys of the sections for maintenance; see `schema.ts`. */

export const backup = section({
  every: optional(duration('24h', 'interval of backups of the metadata, such as 24h; default: none, see backup.at')),
  at: optional(text('', 'time of day of a daily backup, such as 02:00; default: none')),
  timezone: text('UTC', 'time zone of backup.at, such as Europe/Berlin'),
  keep: wholeNumber(7, 1, 10_000, 'number of backups that are kept; older ones are deleted'),
  directory: optional(text('', 'folder for backups, best on another disk; default: backups/ in the blob store')),
  bucket: optional(text('', 'another bucket for backups, with the server and the keys of storage.blobs.s3')),
  passphrase: secret('encrypts backups and opens them; default: none (backups are not encrypted)'),
});

export const retention = section({
  timezone: text('UTC', 'time zone of retention.at and of days, weeks, months and years, such as Europe/Berlin'),
  at: optional(text('', 'time of day of the daily run, such as 03:00; default: none, see retention.every')),
  every: optional(duration('1h', 'interval of the runs; default: 1h, or none with retention.at')),
  notice: duration('24h', 'time between the first sight of a new or changed rule and its first execution'),
  brake: section({
    tags: wholeNumber(
      1000,
      1,
      1_000_000_000,
      'a plan that would expire more tags within 24 hours waits for berth retention approve',
    ),
    percent: wholeNumber(20, 1, 100, 'the same, in percent of all pushed tags'),
  }),
  protect: words('patterns', 'tags that no rule expires, such as **:latest or prod/**:*'),
  ignorePullsBy: words('account names', 'accounts whose pulls do not count, such as scanners'),
  rules: list('retention rules (docs/retention.md); the first rule that matches a tag applies', {
    name: text('', 'name of the rule, for reasons and logs'),
    match: words('patterns', 'tags that the rule is for, such as team/**:semver(*); with ! in front: exclusions'),
    keep: list('alternatives: a tag that meets all conditions of one of them is kept', {
      newest: optional(wholeNumber(1, 1, 1_000_000, 'number of newest images that are kept')),
      daily: optional(wholeNumber(1, 1, 100_000, 'number of days of which the newest image is kept')),
      weekly: optional(wholeNumber(1, 1, 100_000, 'number of weeks of which the newest image is kept')),
      monthly: optional(wholeNumber(1, 1, 100_000, 'number of months of which the newest image is kept')),
      yearly: optional(wholeNumber(1, 1, 100_000, 'number of years of which the newest image is kept')),
      by: optional(choice(['pushed', 'created', 'pulled', 'version'], 'what newest means; default: pushed')),
      per: optional(
        choice(['major', 'major.minor'], 'keep newest images of each such line of versions; default: of all together'),
      ),
      pushedWithin: optional(duration('1d', 'time since the tag was pushed')),
      createdWithin: optional(duration('1d', 'time since the image was built, by its own account')),
      pulledWithin: optional(duration('1d', 'time since the image was pulled')),
    }),
    maxPerRun: optional(
      wholeNumber(1, 1, 1_000_000, 'largest number of tags that the rule expires in one run; default: no limit'),
    ),
    mayEmpty: flag(false, 'the rule may expire the last tag of a repository'),
  }),
});

export const quotas = list(
  'limits on what repositories may store (docs/quotas.md); every quota that matches a repository applies to its pushes',
  {
    name: text('', 'name of the quota, in messages and lists; default: made of match and per'),
    match: words('patterns', 'repositories that the quota is for, such as team/** or "**"; with ! in front: exclusions'),
    per: choice(
      ['namespace', 'repository', 'all'],
      'what has the limits: each first component of the names, each repository, or all together',
    ),
    size: optional(size('20GiB', 'largest size of all content, each digest once; default: no limit')),
    tags: optional(wholeNumber(1, 0, 1_000_000_000, 'largest number of tags; default: no limit')),
  },
);
