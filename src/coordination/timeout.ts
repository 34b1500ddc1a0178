/** Resolves to the result of `work`, or to undefined when it takes longer than `seconds`; the work goes on then. */
export async function withTimeout<Result>(work: Promise<Result>, seconds: number): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
