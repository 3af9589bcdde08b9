/**
 * What is imported after this, and every process and thread it starts, serves by node:net: RINGBEARER_RUNTIME is how an operator says so.
 * So a suite runs once more without knowing of it.
 */
process.env.RINGBEARER_RUNTIME = 'node';
