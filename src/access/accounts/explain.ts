import type { NamedGrantRecord } from '../../../storage/metadata/queries/grants.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { matches, patternsOf } from '../../oci/patterns/repository-pattern.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import type { WorkloadRule } from '../federation/workload-rule.ts';
import { type Action, actions, withImplied } from '../permissions/action.ts';
import { toGrant } from '../permissions/grants.ts';
import { type Visibility, loadVisibility } from '../permissions/visibility.ts';
import { ownNamespace } from './account-name.ts';
import { AdministrationError } from './administration-error.ts';
import { type Page, type PageRequest, toPage } from './pages.ts';

/** A rule that allows something in a repository. */
export type Rule =
  | { readonly kind: 'admin' }
  /** The repository is below the name of the user. */
  | { readonly kind: 'namespace'; readonly pattern: string; readonly owner: string; readonly actions: readonly Action[] }
  | GrantRule
  /** A visibility rule makes the repository public. */
  | { readonly kind: 'visibility'; readonly pattern: string };

/** A grant with the subject as people write it: `user:alice`, `team:devs`, `anonymous`. */
export interface GrantRule {
  readonly kind: 'grant';
  readonly id: number;
  readonly subject: string;
  readonly pattern: string;
  readonly actions: readonly Action[];
}

/** Whether clients without a grant may pull from a repository, and why. */
export interface VisibilityReason {
  readonly isPublic: boolean;
  /** The name or pattern of the rule that decides; undefined: no rule, so the repository is private. */
  readonly pattern: string | undefined;
  /** True if the rule makes it public, but its upstream does not show it to everybody: then it is private. */
  readonly isHiddenByUpstream: boolean;
}

export interface ExplainedAction {
  readonly action: Action;
  readonly isAllowed: boolean;
  /** The rules that allow it; none are needed beside one of them. */
  readonly rules: readonly Rule[];
}

/** What an account may do in a repository. */
export interface Explanation {
  /** As in a grant: `user:alice`, `robot:ci`, `anonymous`. */
  readonly subject: string;
  /** Why no rule applies; undefined: the account can log in. */
  readonly obstacle: 'disabled' | 'expired' | undefined;
  readonly actions: readonly ExplainedAction[];
  readonly visibility: VisibilityReason;
}

/** The rules of a repository. Admins may do everything beside them. */
export interface RepositoryRules {
  readonly visibility: VisibilityReason;
  /** The user that owns the repository by its name. */
  readonly namespace: Extract<Rule, { kind: 'namespace' }> | undefined;
  /** What tokens of CI providers may do, by the entries of `access.identities`. */
  readonly identities: readonly IdentityRule[];
  readonly grants: Page<GrantRule>;
}

/** Actions that the configuration grants to tokens of a CI provider. */
export interface IdentityRule {
  /** Its key in `access.identities`. */
  readonly name: string;
  readonly pattern: string;
  readonly actions: readonly Action[];
}

/** Explains permissions by the rules that `authorize` decides by. The caller has checked that the client may see them. */
export interface Explainer {
  /** `account`: of a user or robot, or `anonymous` for clients without a login. Throws `AdministrationError` `unknown`. */
  explain(account: string, repository: RepositoryName): Promise<Explanation>;
  /** Lists the rules of a repository; grants by id after `after` (exclusive). */
  rulesOf(repository: RepositoryName, page: PageRequest<number>): Promise<RepositoryRules>;
}

export interface ExplainerOptions {
  readonly metadata: MetadataStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** True if clients without a login may pull public repositories. */
  readonly anonymousPullsPublic: boolean;
  /** First path components of repositories that no user owns. */
  readonly reservedNames: ReadonlySet<string>;
  /** Resolves to true if a mirrored repository is public at its upstream; also for repositories that are not mirrored. */
  readonly isShownByUpstream: (repository: RepositoryName) => Promise<boolean>;
  readonly workloadRules: readonly WorkloadRule[];
}

interface Candidate {
  readonly subject: string;
  readonly obstacle: Explanation['obstacle'];
  readonly rules: readonly Rule[];
  readonly pullsPublic: boolean;
}

export function createExplainer(options: ExplainerOptions): Explainer {
  const { metadata, now, anonymousPullsPublic, reservedNames, isShownByUpstream } = options;

  async function visibilityOf(repository: RepositoryName): Promise<VisibilityReason> {
    const own = await metadata.visibilities.find(repository);
    const rule = own
      ? { isPublic: own.isPublic, pattern: repository }
      : toRule((await loadVisibility(metadata)).patternOf(repository));
    const isHiddenByUpstream = rule.isPublic && !(await isShownByUpstream(repository));
    return { ...rule, isPublic: rule.isPublic && !isHiddenByUpstream, isHiddenByUpstream };
  }

  async function namespaceOf(repository: RepositoryName): Promise<RepositoryRules['namespace']> {
    const [name = '', ...rest] = repository.split('/');
    const own = ownNamespace(name);
    if (rest.length === 0 || !own || reservedNames.has(name)) return undefined;
    const owner = await metadata.namespaces.findOwner(name);
    return owner === undefined ? undefined : { kind: 'namespace', owner, pattern: own.pattern.text, actions: own.actions };
  }

  async function accountCandidate(name: string, repository: RepositoryName): Promise<Candidate> {
    const account = await metadata.accounts.findByName(name);
    if (!account) throw new AdministrationError('unknown', `no account is called ${name}`, 'account');
    const { id, kind, isAdmin, isDisabled, expiresAt } = account;
    const namespace = kind === 'user' ? await namespaceOf(repository) : undefined;
    const hasExpired = expiresAt !== null && expiresAt <= now();
    return {
      subject: `${kind}:${name}`,
      obstacle: isDisabled ? 'disabled' : hasExpired ? 'expired' : undefined,
      rules: [
        ...(isAdmin && kind === 'user' ? [{ kind: 'admin' } as const] : []),
        ...(namespace?.owner === name ? [namespace] : []),
        ...matching(await metadata.grants.listNamedForAccount(id), repository),
      ],
      pullsPublic: true,
    };
  }

  async function anonymousCandidate(repository: RepositoryName): Promise<Candidate> {
    const grants = await metadata.grants.listForSubjects(['anonymous']);
    const rules = matching(
      grants.map((grant) => ({ ...grant, subjectName: grant.subject })),
      repository,
    );
    return { subject: 'anonymous', obstacle: undefined, rules, pullsPublic: anonymousPullsPublic };
  }

  return {
    async explain(name, repository) {
      const isAnonymous = name === 'anonymous';
      const candidate = await (isAnonymous ? anonymousCandidate(repository) : accountCandidate(name, repository));
      const visibility = await visibilityOf(repository);
      return {
        subject: candidate.subject,
        obstacle: candidate.obstacle,
        actions: actions.map((action) => explainAction(action, candidate, visibility)),
        visibility,
      };
    },

    async rulesOf(repository, { after, limit }) {
      const patterns = patternsOf(repository).map(({ text }) => text);
      const records = await metadata.grants.listForPatterns(patterns, after, limit);
      const { next } = toPage(records, limit, ({ id }) => String(id));
      return {
        visibility: await visibilityOf(repository),
        namespace: await namespaceOf(repository),
        identities: options.workloadRules.flatMap(({ name, grants }) =>
          grants
            .filter(({ pattern }) => matches(pattern, repository))
            .map(({ pattern, actions }) => ({ name, pattern: pattern.text, actions })),
        ),
        grants: { items: matching(records, repository), next },
      };
    },
  };
}

function explainAction(
  action: Action,
  { rules, obstacle, pullsPublic }: Candidate,
  visibility: VisibilityReason,
): ExplainedAction {
  const { isPublic, pattern } = visibility;
  const shown: readonly Rule[] =
    action === 'pull' && isPublic && pullsPublic && pattern !== undefined ? [{ kind: 'visibility', pattern }] : [];
  const found = [...rules.filter((rule) => allows(rule, action)), ...shown];
  return { action, isAllowed: obstacle === undefined && found.length > 0, rules: found };
}

function allows(rule: Rule, action: Action): boolean {
  if (rule.kind === 'admin') return true;
  return rule.kind !== 'visibility' && withImplied(rule.actions).has(action);
}

/** Returns the grants for the repository. Unreadable records grant nothing. */
function matching(records: readonly NamedGrantRecord[], repository: RepositoryName): readonly GrantRule[] {
  const patterns = new Set(patternsOf(repository).map(({ text }) => text));
  return records.flatMap(({ id, subjectName: subject, pattern, actions }): readonly GrantRule[] => {
    const grant = patterns.has(pattern) ? toGrant(pattern, actions) : undefined;
    return grant ? [{ kind: 'grant', id, subject, pattern, actions: grant.actions }] : [];
  });
}

function toRule(rule: ReturnType<Visibility['patternOf']>): { readonly isPublic: boolean; readonly pattern: string | undefined } {
  return { isPublic: rule?.isPublic ?? false, pattern: rule?.pattern.text };
}
