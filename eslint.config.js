import tseslint from 'typescript-eslint';

/** Names that the code no longer uses, with the term that replaces them (CONTRIBUTING.md, "Words"). */
const retiredNames = {
  'Absences|createAbsences': 'negative cache',
  'Ahead|createAhead': 'out-of-order ranges',
  'Bell|createBell|rung': 'change signal',
  'BodyPlace|placeOf': 'content range',
  'Busy|Gate|createGate': 'semaphore, ConcurrencyLimitExceeded',
  'BytesLost|LostBytes|createLostBytes': 'missing content',
  'Claim|widen|giveTurn': 'download lock',
  'Epoch|createEpoch': 'rights version',
  'GrowingBlob|growingBlob|openGrowingBlob|listGrowing|GrowingRecord|removeGrowing': 'partial blob, in-progress upload',
  'Handling|answering': 'API handler',
  'Holder|holderOf': 'repository ref',
  'KeptManifests|createKeptManifests': 'manifest store',
  'KeySet|createKeySet|readKeySet': 'JWKS',
  'Measures|measures|createMeasures': 'metrics',
  'OriginOptions|createOrigin': 'public URL',
  'Presence|presence|createPresence': 'existence cache',
  'ProcessMarks|processMark|createProcessMarks': 'owner tag',
  'Refused|RefusedReason|OidcRefused': 'AuthenticationError, OidcError',
  'Served|ServedBlob|ServedManifest': 'lookup result',
  'Transits|createTransits|settleOld': 'space reservations',
  'Turns|TurnNotGiven|createTurns|everywhere': 'keyed mutex, LockTimeout, lock',
  'Uses|createUses': 'last-used tracker',
  'Wish|wish|govern': 'permission request, action, manage',
  'foreignToken|verifyForeign': 'external JWT',
  'leadTo|letGo': 'redirect, release',
  'onceAmongAll|servesAlone': 'onOneReplica, isSingleProcess',
  patiently: 'withTimeout',
  'proven|touched': 'verified, last used',
};

const restrictedNames = Object.entries(retiredNames).map(([names, term]) => ({
  selector: `Identifier[name=/^(${names})$/]`,
  message: `Retired name. The project's term is: ${term}.`,
}));

export default tseslint.config(
  { ignores: ['node_modules', 'runtime', 'coverage', 'data', 'bin', '**/*.cjs', '**/*.js'] },
  ...tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true } } },
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/unbound-method': 'off', // ports are objects of closures: nothing here uses `this`
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...restrictedNames],
    },
  },
);
