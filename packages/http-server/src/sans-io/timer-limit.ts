/** The longest time a timer of Node.js can take, in milliseconds. */
export const TIMER_MS_MAX: number = 2 ** 31 - 1;
