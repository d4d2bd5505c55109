package io.moepress.cli;

import picocli.CommandLine.Command;

/// `moepress evidence`: what can be done with evidence that is there.
@Command(
    name = "evidence",
    description = "Looks at evidence (show), or adds it up (merge).",
    mixinStandardHelpOptions = true,
    subcommands = {EvidenceShowCommand.class, EvidenceMergeCommand.class})
final class EvidenceCommand {}
