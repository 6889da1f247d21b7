"""What verification says, in Chinese and in English: the numbered checks, and a sentence for each thing that can be found.

A sentence says what was found, what was expected and what can be done; its verdict stands beside it, so that the same
thing is never judged in two ways. Values of foreign origin come in braces, and whoever prints them escapes them.
"""

from typing import Final, NamedTuple

from protocol.verify.verdicts import Finding, Verdict

CONTAINER, MANIFEST, FILES, LOG, FACTS, KEYS, ENTRIES, RECEIPTS, BEACONS, TIME, CLOSED, HOURS, GRADES, TABLE = range(
    1, 15
)


class CheckName(NamedTuple):
    """A check by its name and what it shows."""

    zh: str
    en: str
    shows_zh: str
    shows_en: str


CHECKS: Final = {
    CONTAINER: CheckName(
        "容器", "Container",
        "清单所列文件齐全，没有多余文件，路径安全，压缩包的每个字节都是确定的",
        "exactly the files that the manifest names, safe paths, and of a zip every byte is determined",
    ),
    MANIFEST: CheckName(
        "清单签名", "Manifest signature",
        "清单由受信任的导出密钥签名",
        "the manifest was signed by an export key that you trust",
    ),
    FILES: CheckName(
        "文件哈希", "File hashes",
        "每个文件的字节数和 SHA-256 与清单一致",
        "each file has the bytes and the SHA-256 that the manifest states",
    ),
    LOG: CheckName(
        "汇聚端日志", "Collector's log",
        "汇聚端日志的检查点由受信任的日志密钥和回执密钥签名",
        "the checkpoint of the collector's log was signed by a log key and a receipt key that you trust",
    ),
    FACTS: CheckName(
        "事实与登记", "Facts and registry",
        "每条事实、登记和规则都有其在汇聚端日志中的证明",
        "each fact, registry statement and policy is proved to stand in that log",
    ),
    KEYS: CheckName(
        "采集端密钥", "Agents' keys",
        "每个采集端的签名密钥都由日志中的入网登记证明",
        "the key of each agent's log is proved by its enrolment in the collector's log",
    ),
    ENTRIES: CheckName(
        "条目", "Entries",
        "采集端日志的条目逐条构成回执所签的 Merkle 根",
        "the entries of each agent's log lead, one by one, to the root of every receipt",
    ),
    RECEIPTS: CheckName(
        "回执", "Receipts",
        "每份回执都有采集端和汇聚端两个签名，最后一份覆盖全部条目",
        "each receipt bears the agent's signature and the collector's, and the last one covers every entry",
    ),
    BEACONS: CheckName(
        "信标", "Beacons",
        "采集端记录的信标由回执密钥签名，不倒退，并与汇聚端日志一致",
        "the beacons that agents journalled were signed by a receipt key, never go back, and fit the collector's log",
    ),
    TIME: CheckName(
        "时间", "Time",
        "信标的下界不晚于回执的上界，回执时间不倒退",
        "no beacon is later than the receipt over it, and receipts do not go back in time",
    ),
    CLOSED: CheckName(
        "关账", "Closed days",
        "每天的机时台账都有其在汇聚端日志中的关账证明",
        "the record of each day is proved to be the one that was closed in the collector's log",
    ),
    HOURS: CheckName(
        "机时台账", "Hour records",
        "由条目、事实和规则重新计算的每日台账与包中的逐字节相同，对外机时包括在内",
        "each day's record, computed again from entries, facts and policy, has the same bytes, external hours included",
    ),
    GRADES: CheckName(
        "证据等级", "Grades",
        "由回执和信标重新计算的证据等级与包中的逐字节相同",
        "each day's grades, computed again from receipts and beacons, have the same bytes",
    ),
    TABLE: CheckName(
        "机时表", "Table for people",
        "供人阅读的 hours.csv 与台账一致",
        "hours.csv, which people read, says what the records say",
    ),
}  # fmt: skip

VERDICTS: Final = {
    Verdict.VALID: ("有效", "VALID"),
    Verdict.INCOMPLETE: ("不完整", "INCOMPLETE"),
    Verdict.CONTRADICTED: ("矛盾", "CONTRADICTED"),
}

MEANING: Final = {
    Verdict.VALID: (
        "应当出示的都已出示，且全部相符。",
        "Everything that must be shown was shown, and fits.",
    ),
    Verdict.INCOMPLETE: (
        "有应当出示而未能出示的内容。这不等于造假；请按每条说明补齐后再核。",
        "Something that should be there cannot be shown. That is no proof of a lie: complete it as each line says.",
    ),
    Verdict.CONTRADICTED: (
        "所出示的内容中有不真实之处。请按每条说明到现场核查。",
        "Something that was shown is false. Look into it on site, as each line says.",
    ),
}

LIMITS: Final = (
    "签名说明是谁在哪两个时刻之间写下了记录；它不说明仪器做了有用的工作。",
    "A signature says who wrote something and between which times. "
    "It does not say that the instrument did useful work.",
)

_NO, _BAD = Verdict.INCOMPLETE, Verdict.CONTRADICTED

SENTENCES: Final[dict[str, tuple[Verdict, str, str]]] = {
    # 1 container
    "container": (_BAD, "无法按证据包读取：{why}", "it cannot be read as a bundle: {why}"),
    "no-bundle": (_NO, "这不是证据包，或复制未完成；请核对文件大小，重新复制：{why}", "this is no bundle: {why}"),
    "no-manifest": (_NO, "没有 MANIFEST，因此什么也不能证明；请重新索取证据包",
                    "there is no MANIFEST, so nothing can be shown: ask for the bundle again"),
    "file-missing": (_NO, "清单所列的这个文件不在包中；请重新索取证据包",
                     "this file should be in the bundle and is not: ask for the bundle again"),
    "part-missing": (_NO, "这个文件是证据包必需的，清单没有列出它", "a bundle needs this file, and the manifest does not name it"),
    "file-extra": (_BAD, "包中有清单未列的文件；有人在签名之后放入了它",
                   "a file that the manifest does not name: somebody put it in after the bundle was signed"),
    "path-unknown": (_BAD, "清单列出了证据包中没有意义的路径，无人会读取它",
                     "the manifest names a path that has no meaning in a bundle, so nobody would read it"),
    # 2 manifest
    "manifest-form": (_BAD, "清单不是规定的形式：{why}", "the manifest does not have the form of one: {why}"),
    "no-trust": (_NO, "没有给出受信任的密钥文件，只能用包自带的密钥核对，而伪造者也会写这些密钥；请用 --trust keys.txt 给出另行取得的密钥",
                 "no file of trusted keys was given; the keys in the bundle itself were used, and whoever forges a bundle "
                 "writes those too: get the keys by another way and give them with --trust keys.txt"),
    "manifest-unknown": (_NO, "签名者不在受信任的密钥之中：{why}。若密钥文件是对的，这就不是该汇聚端的证据包",
                         "none of the keys that you trust signed it: {why}. If your file of keys is the right one, this is no "
                         "bundle of that collector"),
    "manifest-signature": (_BAD, "导出密钥的签名不符：{why}", "the signature of the export key is false: {why}"),
    # 3 files
    "file-changed": (_BAD, "文件与清单不符：{why}", "the file is not the one that was signed for: {why}"),
    "lines-form": (_BAD, "文件不是逐行的形式：{why}", "the file does not consist of lines: {why}"),
    # 4 log
    "checkpoint-unknown": (_NO, "检查点的签名者不在受信任的密钥之中：{why}",
                           "the checkpoint is signed by none of the keys that you trust: {why}"),
    "checkpoint-false": (_BAD, "汇聚端日志的检查点不成立：{why}", "the checkpoint of the collector's log is false: {why}"),
    "checkpoint-missing": (_NO, "包中没有汇聚端日志的检查点，事实和关账都无从证明",
                           "the bundle holds no checkpoint of the collector's log, so no fact and no closed day can be proved"),
    # 5 facts
    "fact-form": (_BAD, "不是规范的事实或登记：{why}", "not a fact or statement of the registry: {why}"),
    "fact-twice": (_BAD, "同一条出现了两次", "the same one stands here twice"),
    "fact-unproved": (_NO, "没有它在汇聚端日志中的证明：{sha256}", "no proof that the collector's log holds it: {sha256}"),
    "fact-missing": (_NO, "日志证明了它，但包中没有它：{sha256}", "the log holds it, and the bundle does not: {sha256}"),
    "decision-unsigned": (_NO, "没有认定人对这项认定的签名", "no signature of the approver over this decision"),
    "decision-signer": (_NO, "认定的签名人不在您的受信任密钥中：{why}", "the decision is signed by nobody whom you trust: {why}"),
    "decision-false": (_BAD, "认定的签名不成立：{why}", "the signed decision is false: {why}"),
    "decision-spare": (_BAD, "签名所指的认定不在包中", "the decision that this note signs is not in the bundle"),
    "decision-owner": (_NO, "没有签名密钥 {key} 的登记", "the bundle holds no proved registration of the key {key} that signed it"),
    "decision-person": (_BAD, "签名密钥登记在 {owner} 名下，而认定人是 {approver}",
                        "the key that signed is registered as {owner}'s, and the approver is {approver}"),
    "decision-revoked": (_BAD, "日志先载明密钥 {key} 已吊销，后收入这项认定",
                         "the log took it in after it had said that the key {key} was revoked"),
    "proof-twice": (_BAD, "同一证明出现了两次", "the same proof stands here twice"),
    "proof-form": (_BAD, "不是规定形式的证明：{why}", "not a proof of the right form: {why}"),
    "proof-false": (_BAD, "证明不成立：{why}", "the proof is false: {why}"),
    "proof-missing": (_NO, "无法核对证明：{why}", "the proof cannot be checked: {why}"),
    "policy-changed": (_BAD, "规则文件的内容与其名称中的哈希不符：{why}", "the policy is not the one that its name states: {why}"),
    "policy-missing": (_NO, "登记所指的规则不在包中：{sha256}", "a policy that the registry names is not in the bundle: {sha256}"),
    "policy-spare": (_NO, "没有登记指向这个规则", "no statement of the registry names this policy"),
    # 6 keys
    "not-enrolled": (_NO, "包中没有这个日志的入网登记，无法证明它的密钥属于谁",
                     "the bundle holds no proved enrolment of this log, so nobody can say whose key it is"),
    "enrolled-twice": (_BAD, "这个日志有两份不同的入网登记", "there are two different enrolments of this log"),
    "key-form": (_BAD, "入网登记中的密钥不能使用：{why}", "the key in the enrolment cannot be one: {why}"),
    "key-differs": (_BAD, "入网登记中的密钥与您受信任的密钥不同：{found}",
                    "the key in the enrolment is another one than the key that you trust: {found}"),
    "foreign-domain": (_BAD, "入网登记属于另一个汇聚端", "the enrolment belongs to another collector"),
    "no-agents": (_NO, "包中没有任何采集端日志，没有可核的测量", "the bundle holds no agent's log, so there is no measurement to check"),
    # 7 entries
    "journal-form": (_BAD, "采集端日志不是规定的形式：{why}", "the agent's log does not have the form of one: {why}"),
    "tile-form": (_BAD, "条目文件不是规定的形式：{why}", "the file of entries does not have the form of one: {why}"),
    "root": (_BAD, "条目不能构成大小 {size} 的回执所签的根：从第 {first} 条到第 {size} 条之间有条目被更改，或回执属于另一个日志",
             "the entries do not lead to the root of the receipt of size {size}: something between entry {first} and there was "
             "altered, or the receipt belongs to another tree"),
    "entries-missing": (_NO, "有大小 {size} 的回执，但条目只到 {end}", "there is a receipt of size {size}, and the entries end at {end}"),
    # 8 receipts
    "no-receipt": (_NO, "没有任何回执", "there is no receipt"),
    "receipts-form": (_BAD, "回执文件不是规定的形式：{why}", "the file of receipts does not have the form of one: {why}"),
    "receipt-agent": (_BAD, "采集端的签名不符：{why}", "the agent's signature is false: {why}"),
    "receipt-collector": (_BAD, "汇聚端的签名不符：{why}", "the collector's signature is false: {why}"),
    "receipt-unknown": (_NO, "回执的签名者不在受信任的密钥之中：{why}", "the receipt is signed by none of the receipt keys that you trust: {why}"),
    "receipt-order": (_BAD, "回执大小 {size} 不在 {before} 之后：有回执被调换、重复或取自别处",
                      "the receipt of size {size} does not come after {before}: receipts were swapped, repeated or taken from elsewhere"),
    "not-receipted": (_NO, "最后一份回执只到 {last}，条目到 {end}：其后的条目没有人签收",
                      "the last receipt covers {last} entries of {end}: nobody receipted those behind it"),
    "receipt-revoked": (_BAD, "汇聚端日志已载明密钥吊销，{by} 秒之后仍签收了这个日志",
                        "it was given {by} s after the collector's log had said that this key was revoked"),
    "revoked-ahead": (_BAD, "吊销登记（日志第 {leaf} 条）在其自称的时间之前已在日志中",
                      "the log held the revocation (leaf {leaf}) before the time that it states"),
    # 9 beacons
    "beacon-unknown": (_NO, "信标不能用受信任的回执密钥核实：{why}", "the beacon cannot be verified by the receipt keys that you trust: {why}"),
    "beacon-shrank": (_BAD, "汇聚端日志变小了：大小 {size}，而第 {at} 条记录的信标已是 {before}",
                      "the collector's log shrank: size {size}, and entry {at} had journalled {before} before"),
    "beacon-differs": (_BAD, "信标所示的汇聚端日志（大小 {size}）与检查点不是同一个日志的延续",
                       "the collector's log as the beacon shows it (size {size}) has another root than the one of the checkpoint"),
    "beacon-ahead": (_NO, "信标大小 {size} 超过了检查点的 {head}：包中的检查点比采集端见过的旧",
                     "the beacon names size {size}, and the checkpoint {head}: the bundle's checkpoint is older than what agents saw"),
    "consistency-missing": (_NO, "没有 {day} 最后一个信标（大小 {size}）到检查点的一致性证明",
                            "no proof leads from the last beacon of {day} (size {size}) to the checkpoint"),
    "consistency-twice": (_BAD, "同一大小出现了两次", "the same size stands here twice"),
    "consistency-form": (_BAD, "不是规定形式的一致性证明：{why}", "not a proof of consistency of the right form: {why}"),
    "consistency-false": (_BAD, "一致性证明不成立：{why}", "the proof of consistency is false: {why}"),
    # 10 time
    "receipt-time": (_BAD, "回执时间比前一份早 {by} 秒：汇聚端的时钟被倒拨，或回执时间不真实",
                     "the receipt is {by} s earlier than one before it: the collector's clock was set back, or the time is false"),
    "beacon-late": (_BAD, "信标时间比覆盖它的回执晚 {by} 秒：两个时间中有一个不真实",
                    "the beacon is {by} s later than the receipt over it: one of the two times is false"),
    # 11 closed
    "closing-twice": (_BAD, "同一天同一版本的关账出现了两次", "the same revision of a day stands here twice"),
    "closing-false": (_BAD, "关账证明不成立：{why}", "the proof of closing is false: {why}"),
    "closing-differs": (_BAD, "关账的台账是 {closed}，包中的是 {found}", "the record that was closed is {closed}, the one in the bundle {found}"),
    "day-open": (_NO, "这一天尚未结束，没有关账", "the day is not over, and nothing closed it"),
    "day-not-closed": (_NO, "没有这一天的关账证明；若关账未满一天，请稍后重新索取",
                       "no proof that this day was closed: where that is due only now, ask for the bundle again later"),
    "record-missing": (_NO, "有这一天的证据或关账，但包中没有它的台账", "there is evidence or a closing of this day, and no record"),
    # 12 hours
    "record-form": (_BAD, "不是规范的机时台账：{why}", "not an hour record: {why}"),
    "record-outside": (_BAD, "台账不在证据包的日期范围内", "a record outside the days of the bundle"),
    "record-differs": (_BAD, "重新计算的结果不同：{what}", "computed again it is another: {what}"),
    "evidence-missing": (_NO, "台账所依据的内容不在包中：{what}", "the record names what the bundle does not hold: {what}"),
    # 13 grades
    "grade-form": (_BAD, "不是规范的等级记录：{why}", "not a grade record: {why}"),
    "grade-missing": (_NO, "没有这一天的等级记录", "there is no grade record of this day"),
    "grade-of-another": (_BAD, "等级记录属于另一份台账", "the grade record belongs to another hour record"),
    "grade-differs": (_BAD, "重新计算的等级不同：{what}", "the grades computed again are others: {what}"),
    "lost-unshown": (_NO, "等级记录称有 {seconds} 秒只见于分叉的落选分支，包中没有那个分支",
                     "the grade record tells of {seconds} s that only the losing branch of a fork shows, and that branch is not here"),
    "grade-unshown": (_NO, "没有覆盖条目 {entries} 的回执，无法核对等级", "no receipt over entries {entries} is in the bundle, so its grades cannot be checked"),
    # 14 table
    "table-alone": (_NO, "包中没有台账，hours.csv 无法核对", "without the hour records hours.csv cannot be checked"),
    "table-missing": (_NO, "包中没有 hours.csv", "there is no hours.csv"),
    "table-differs": (_BAD, "hours.csv 与台账不一致：{why}", "hours.csv does not say what the records say: {why}"),
    "table-unchecked": (_NO, "没有关账或等级，hours.csv 的这一行无法核对：{why}",
                        "without the day's closing or grades its line in hours.csv cannot be checked: {why}"),
    # selective
    "session-form": (_BAD, "session.json 不是规定的形式：{why}", "session.json does not have the form of one: {why}"),
    "session-differs": (_BAD, "重新计算的运行秒数是 {found}，包中写的是 {stated}", "computed again it ran {found} s, and {stated} s are stated"),
    "session-entry": (_BAD, "条目的证明不成立：{why}", "the proof of the entry is false: {why}"),
}  # fmt: skip


def sentence(finding: Finding, *, chinese: bool) -> str:
    """What was found, as a sentence."""
    _, zh, en = SENTENCES[finding.word]
    return (zh if chinese else en).format_map(finding.values)


def verdict_of(word: str) -> Verdict:
    """How bad it is."""
    return SENTENCES[word][0]


DECIDED: Final = {"accept": "采纳 accept", "exclude": "排除 exclude"}
"""What people decided of time in doubt."""
UNSIGNED: Final = "没有可信的签名 no signature that is trusted"
