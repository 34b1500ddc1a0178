/** True in the long run of CI (`TEST_LONG=1`): some tests then repeat more and use larger data. */
export const isLong = process.env['TEST_LONG'] === '1';
