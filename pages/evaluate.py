import streamlit as st
from ui.theme import page_header
page_header("evaluate", "soon")
