package io.moepress.cli;

import picocli.CommandLine.Command;

/// `moepress evidence`: what can be done with evidence that is there.
@Command(
    name = "evidence",
    description = {
      "Looks at evidence (show), adds it up (merge), or writes it as an importance matrix of",
      "llama.cpp (imatrix)."
    },
    mixinStandardHelpOptions = true,
    subcommands = {
      EvidenceShowCommand.class,
      EvidenceMergeCommand.class,
      EvidenceImatrixCommand.class
    })
final class EvidenceCommand {}
