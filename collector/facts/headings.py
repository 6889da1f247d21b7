"""What the columns of orders, uses and documents are called, and the words that stand in them, in either language.

A field's own name is always one of its headings (collector/sheets.py). A mapping (mapping.py) takes the place of the
headings for files of another system.
"""

from collections.abc import Mapping, Sequence

from collector.facts.brought_headings import BROUGHT, BROUGHT_NEEDED, BROUGHT_WORDS

Columns = Mapping[str, Sequence[str]]

ORDER_MEMBERS: Columns = {
    "beneficiary": ["统一社会信用代码", "服务对象代码", "委托单位代码"],
    "beneficiary_name": ["委托单位", "服务对象", "服务对象名称"],
    "content": ["服务内容"],
    "way": ["服务方式"],
    "fee": ["收费金额", "收费金额（元）", "金额（元）"],
}
"""What a file of uses may say of the order as well: many systems export both in one row."""

USES: Columns = {
    "key": ["记录编号", "预约编号", "预约单号"],
    "asset": ["资产编号", "仪器编号", "设备编号"],
    "start": ["开始时间", "上机时间", "使用开始时间"],
    "end": ["结束时间", "下机时间", "使用结束时间"],
    "period": ["时段", "使用时段"],
    "duration_h": ["时长（小时）", "使用时长（小时）"],
    "duration_min": ["时长（分钟）", "使用时长（分钟）"],
    "purpose": ["用途", "使用类型"],
    "order": ["订单号", "服务订单号", "委托单号"],
    "user": ["使用者", "使用人", "预约人"],
    "samples": ["样品数", "样品数量"],
    "run_h": ["运行机时（小时）"],
    "run_min": ["运行机时（分钟）"],
    "share": ["份额"],
    **ORDER_MEMBERS,
}
ORDERS: Columns = {
    "unit": ["管理单位代码"],
    "order": USES["order"],
    **ORDER_MEMBERS,
    "first_day": ["开始日期", "服务开始日期"],
    "last_day": ["结束日期", "服务结束日期"],
    "voucher_issuer": ["创新券发放单位"],
    "voucher_number": ["创新券编号"],
    "voucher_amount": ["创新券金额", "创新券金额（元）"],
    "agreement": ["协议文件"],
    "invoice": ["发票文件"],
    "voucher": ["创新券文件"],
    "report": ["报告文件"],
}
DOCUMENTS: Columns = {
    "unit": ["管理单位代码"],
    "order": USES["order"],
    "kind": ["文件类型"],
    "document": ["文件指纹", "SHA-256"],
}
NEEDED: Mapping[str, Sequence[str]] = {
    "uses": ("asset",),
    "orders": ("order",),
    "order-documents": ("order", "kind", "document"),
    **BROUGHT_NEEDED,
}
SHEETS: Mapping[str, Columns] = {"uses": USES, "orders": ORDERS, "order-documents": DOCUMENTS, **BROUGHT}

WORDS: Mapping[str, Mapping[str, str]] = {
    "purpose": {
        "自主研究": "own-research", "科研": "own-research", "服务订单": "service-order", "对外服务": "service-order",
        "委托测试": "service-order", "教学": "teaching", "教学培训": "teaching", "培训": "teaching",
        "维护": "maintenance", "维护维修": "maintenance", "维修": "maintenance", "校准": "calibration",
        "校准标定": "calibration", "故障": "fault",
    },
    "way": {
        "机时占用": "occupy", "自主上机": "occupy", "技术服务": "technical", "委托测试": "commissioned",
        "委托": "commissioned", "送样": "commissioned", "远程": "remote", "其他": "other",
    },
    "kind": {"协议": "agreement", "合同": "agreement", "发票": "invoice", "创新券": "voucher", "报告": "report"},
    **BROUGHT_WORDS,
}  # fmt: skip
"""What stands for the words of protocol/facts.py; those are taken as well."""


def words_of(field: str) -> dict[str, str]:
    """Everything that may stand in the column of a field, and what it means."""
    held = WORDS.get(field, {})
    return {**{meaning: meaning for meaning in held.values()}, **held}
