package stage

// LeastApart is leastApart, for tests from without.
const LeastApart = leastApart
