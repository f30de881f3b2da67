"""The directory's tables; each part of it keeps its own in a file here."""

from services.directory.models.accounts import AccountRow, ClientSecretRow, SigningKeyRow
from services.directory.models.confirmations import ConfirmationRow
from services.directory.models.disputes import AnonymousWriteRow, DisputeRow
from services.directory.models.duplicates import (
    DuplicateDismissalRow,
    DuplicateDueRow,
    DuplicateKeyRow,
    DuplicatePairRow,
)
from services.directory.models.flags import PartnerFlagRow
from services.directory.models.history import PartnerVersionRow
from services.directory.models.idempotency import KeptAnswerRow
from services.directory.models.imports import (
    ImportPageRow,
    ImportRow,
    ImportStatedRow,
    ImportTouchedRow,
)
from services.directory.models.log import ErasureRow, EventLogRow, OutboxRow
from services.directory.models.merges import MergeRow
from services.directory.models.partners import (
    ExternalIdRow,
    PartnerRow,
    PartnerTopicRow,
    RelationshipRow,
    SectorRow,
    SourceValuesRow,
)
from services.directory.models.proposals import ProposalCommentRow, ProposalRow
from services.directory.models.table import leases, metadata
from services.directory.models.topics import TopicRow

# The same tables for queries: their columns are typed as columns, which SQLModel's are not.
partner_table = metadata.tables["partner"]
sector_table = metadata.tables["partner_sector"]
partner_topic_table = metadata.tables["partner_topic"]
partner_flag_table = metadata.tables["partner_flag"]
external_id_table = metadata.tables["external_id"]
relationship_table = metadata.tables["relationship"]
anonymous_write_table = metadata.tables["anonymous_write"]
confirmation_table = metadata.tables["confirmation"]
dispute_table = metadata.tables["dispute"]
merge_table = metadata.tables["partner_merge"]
partner_version_table = metadata.tables["partner_version"]
proposal_table = metadata.tables["proposal"]
proposal_comment_table = metadata.tables["proposal_comment"]
source_values_table = metadata.tables["source_values"]
kept_answer_table = metadata.tables["kept_answer"]
duplicate_key_table = metadata.tables["duplicate_key"]
duplicate_due_table = metadata.tables["duplicate_due"]
duplicate_pair_table = metadata.tables["duplicate_pair"]
duplicate_dismissal_table = metadata.tables["duplicate_dismissal"]
topic_table = metadata.tables["topic"]
import_table = metadata.tables["import"]
import_page_table = metadata.tables["import_page"]
import_stated_table = metadata.tables["import_stated"]
import_touched_table = metadata.tables["import_touched"]
outbox_table = metadata.tables["outbox"]
erasure_table = metadata.tables["erasure"]
event_log_table = metadata.tables["event_log"]
account_table = metadata.tables["account"]
client_secret_table = metadata.tables["client_secret"]
signing_key_table = metadata.tables["signing_key"]

__all__ = [
    "AccountRow",
    "AnonymousWriteRow",
    "ClientSecretRow",
    "ConfirmationRow",
    "DisputeRow",
    "DuplicateDismissalRow",
    "DuplicateDueRow",
    "DuplicateKeyRow",
    "DuplicatePairRow",
    "ErasureRow",
    "EventLogRow",
    "ExternalIdRow",
    "ImportPageRow",
    "ImportRow",
    "ImportStatedRow",
    "ImportTouchedRow",
    "KeptAnswerRow",
    "MergeRow",
    "OutboxRow",
    "PartnerFlagRow",
    "PartnerRow",
    "PartnerTopicRow",
    "PartnerVersionRow",
    "ProposalCommentRow",
    "ProposalRow",
    "RelationshipRow",
    "SectorRow",
    "SigningKeyRow",
    "SourceValuesRow",
    "TopicRow",
    "account_table",
    "anonymous_write_table",
    "client_secret_table",
    "confirmation_table",
    "dispute_table",
    "duplicate_dismissal_table",
    "duplicate_due_table",
    "duplicate_key_table",
    "duplicate_pair_table",
    "erasure_table",
    "event_log_table",
    "external_id_table",
    "import_page_table",
    "import_stated_table",
    "import_table",
    "import_touched_table",
    "kept_answer_table",
    "leases",
    "merge_table",
    "metadata",
    "outbox_table",
    "partner_flag_table",
    "partner_table",
    "partner_topic_table",
    "partner_version_table",
    "proposal_comment_table",
    "proposal_table",
    "relationship_table",
    "sector_table",
    "signing_key_table",
    "source_values_table",
    "topic_table",
]
